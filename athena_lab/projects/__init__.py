"""Projects of modules of one's own: how they are made and built. wasm/build.py uses the toolchain from here."""
