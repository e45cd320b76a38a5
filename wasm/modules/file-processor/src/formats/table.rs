//! Formats that a few bytes at fixed places tell. A format is a row; formats that need more are in `structure.rs`.
//!
//! Sources: the formats' own specifications, the IANA media types, and the shared-mime-info database for types that
//! were never registered.

use crate::facts::Category::{self, *};

/// One format.
pub struct Row {
    pub id: &'static str,
    pub name: &'static str,
    pub mime: &'static str,
    pub category: Category,
    pub extension: &'static str,
    /// All of them must be there: offset and bytes.
    pub magic: &'static [(usize, &'static [u8])],
}

type Magic = &'static [(usize, &'static [u8])];

const fn row(
    id: &'static str,
    name: &'static str,
    mime: &'static str,
    category: Category,
    extension: &'static str,
    magic: Magic,
) -> Row {
    Row { id, name, mime, category, extension, magic }
}

/// The first row that fits wins: the more particular stand before the more general.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    // Its first bytes look like Python's
    row("pcapng", "Packet capture (pcapng)", "application/x-pcapng", Capture, "pcapng", &[(0, b"\x0a\x0d\x0d\x0a")]),
    // Bytecode and code that is not for a processor
    row("python-bytecode", "Python bytecode (3.8 - 3.15)", "application/x-python-code", Bytecode, "pyc", &[(1, b"\x0d\x0d\x0a"), (3, b"\x0a")]),
    row("python-bytecode", "Python bytecode (2.7)", "application/x-python-code", Bytecode, "pyc", &[(0, b"\x03\xf3\x0d\x0a")]),
    row("dex", "Dalvik executable", "application/vnd.android.dex", Bytecode, "dex", &[(0, b"dex\n0"), (7, b"\0")]),
    row("odex", "Optimised Dalvik executable", "application/x-android-odex", Bytecode, "odex", &[(0, b"dey\n0"), (7, b"\0")]),
    row("wasm", "WebAssembly module", "application/wasm", Bytecode, "wasm", &[(0, b"\0asm\x01\0\0\0")]),
    row("wasm-component", "WebAssembly component", "application/wasm", Bytecode, "wasm", &[(0, b"\0asm\x0d\0\x01\0")]),
    row("lua-bytecode", "Lua bytecode", "application/x-lua-bytecode", Bytecode, "luac", &[(0, b"\x1bLua")]),
    row("luajit-bytecode", "LuaJIT bytecode", "application/x-luajit-bytecode", Bytecode, "luac", &[(0, b"\x1bLJ")]),
    row("autoit-compiled", "Compiled AutoIt script", "application/x-autoit-compiled", Bytecode, "a3x", &[(0, b"\xa3\x48\x4b\xbe\x98\x6c\x4a\xa9\x99\x4c\x53\x0a\x86\xd6\x48\x7d")]),
    row("jmod", "Java module archive", "application/x-java-jmod", Bytecode, "jmod", &[(0, b"JM\x01\0PK\x03\x04")]),
    row("llvm-bitcode", "LLVM bitcode", "application/x-llvm-bitcode", Bytecode, "bc", &[(0, b"BC\xc0\xde")]),
    row("swf", "Adobe Flash (uncompressed)", "application/vnd.adobe.flash.movie", Bytecode, "swf", &[(0, b"FWS")]),
    row("swf", "Adobe Flash (deflate)", "application/vnd.adobe.flash.movie", Bytecode, "swf", &[(0, b"CWS")]),
    row("swf", "Adobe Flash (LZMA)", "application/vnd.adobe.flash.movie", Bytecode, "swf", &[(0, b"ZWS")]),
    // Documents
    row("pdf", "PDF document", "application/pdf", Document, "pdf", &[(0, b"%PDF-")]),
    row("rtf", "Rich Text Format", "application/rtf", Document, "rtf", &[(0, b"{\\rt")]),
    row("postscript", "PostScript document", "application/postscript", Document, "ps", &[(0, b"%!PS")]),
    row("eps-binary", "Encapsulated PostScript with preview", "application/postscript", Document, "eps", &[(0, b"\xc5\xd0\xd3\xc6")]),
    row("djvu", "DjVu document", "image/vnd.djvu", Document, "djvu", &[(0, b"AT&TFORM")]),
    row("chm", "Compiled HTML help", "application/vnd.ms-htmlhelp", Document, "chm", &[(0, b"ITSF\x03\0\0\0")]),
    row("hlp", "Windows help", "application/winhlp", Document, "hlp", &[(0, b"?_\x03\0")]),
    row("onenote", "OneNote section", "application/onenote", Document, "one", &[(0, b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3")]),
    row("onenote-toc", "OneNote table of contents", "application/onenote", Document, "onetoc2", &[(0, b"\xa1\x2f\xff\x43\xd9\xef\x76\x4c\x9e\xe2\x10\xea\x57\x22\x76\x5f")]),
    row("lnk", "Windows shortcut", "application/x-ms-shortcut", Executable, "lnk", &[(0, b"\x4c\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46")]),
    row("outlook-pst", "Outlook data file", "application/vnd.ms-outlook-pst", Mail, "pst", &[(0, b"!BDN")]),
    row("tnef", "Transport-neutral encapsulation (winmail.dat)", "application/vnd.ms-tnef", Mail, "dat", &[(0, b"\x78\x9f\x3e\x22")]),
    row("dbx", "Outlook Express mailbox", "application/x-outlook-express-dbx", Mail, "dbx", &[(0, b"\xcf\xad\x12\xfe")]),
    // Archives and compressed data
    row("rar5", "RAR archive (version 5)", "application/vnd.rar", Archive, "rar", &[(0, b"Rar!\x1a\x07\x01\0")]),
    row("rar", "RAR archive (version 1.5 - 4)", "application/vnd.rar", Archive, "rar", &[(0, b"Rar!\x1a\x07\0")]),
    row("7z", "7-Zip archive", "application/x-7z-compressed", Archive, "7z", &[(0, b"7z\xbc\xaf\x27\x1c")]),
    row("gzip", "gzip compressed data", "application/gzip", Archive, "gz", &[(0, b"\x1f\x8b\x08")]),
    row("compress", "Unix compress data", "application/x-compress", Archive, "Z", &[(0, b"\x1f\x9d")]),
    row("bzip2", "bzip2 compressed data", "application/x-bzip2", Archive, "bz2", &[(0, b"BZh"), (4, b"1AY&SY")]),
    row("xz", "XZ compressed data", "application/x-xz", Archive, "xz", &[(0, b"\xfd7zXZ\0")]),
    row("lzip", "lzip compressed data", "application/x-lzip", Archive, "lz", &[(0, b"LZIP\x01")]),
    row("lz4", "LZ4 frame", "application/x-lz4", Archive, "lz4", &[(0, b"\x04\x22\x4d\x18")]),
    row("lzop", "lzop compressed data", "application/x-lzop", Archive, "lzo", &[(0, b"\x89LZO\0\x0d\x0a\x1a\x0a")]),
    row("zstd", "Zstandard compressed data", "application/zstd", Archive, "zst", &[(0, b"\x28\xb5\x2f\xfd")]),
    row("zstd", "Zstandard compressed data (0.2)", "application/zstd", Archive, "zst", &[(0, b"\x22\xb5\x2f\xfd")]),
    row("zstd", "Zstandard compressed data (0.3)", "application/zstd", Archive, "zst", &[(0, b"\x23\xb5\x2f\xfd")]),
    row("zstd", "Zstandard compressed data (0.4)", "application/zstd", Archive, "zst", &[(0, b"\x24\xb5\x2f\xfd")]),
    row("zstd", "Zstandard compressed data (0.5)", "application/zstd", Archive, "zst", &[(0, b"\x25\xb5\x2f\xfd")]),
    row("zstd", "Zstandard compressed data (0.6)", "application/zstd", Archive, "zst", &[(0, b"\x26\xb5\x2f\xfd")]),
    row("zstd", "Zstandard compressed data (0.7)", "application/zstd", Archive, "zst", &[(0, b"\x27\xb5\x2f\xfd")]),
    row("lzma", "LZMA compressed data", "application/x-lzma", Archive, "lzma", &[(0, b"\x5d\0\0"), (5, b"\xff\xff\xff\xff\xff\xff\xff\xff\0")]),
    row("cab", "Microsoft cabinet", "application/vnd.ms-cab-compressed", Archive, "cab", &[(0, b"MSCF\0\0\0\0")]),
    row("installshield-cab", "InstallShield cabinet", "application/x-installshield-cab", Archive, "cab", &[(0, b"ISc(")]),
    row("szdd", "MS-DOS compressed file (SZDD)", "application/x-ms-compress-szdd", Archive, "", &[(0, b"SZDD\x88\xf0\x27\x33")]),
    row("kwaj", "MS-DOS compressed file (KWAJ)", "application/x-ms-compress-kwaj", Archive, "", &[(0, b"KWAJ\x88\xf0\x27\xd1")]),
    row("arj", "ARJ archive", "application/x-arj", Archive, "arj", &[(0, b"\x60\xea"), (10, b"\x02")]),
    row("ace", "ACE archive", "application/x-ace-compressed", Archive, "ace", &[(7, b"**ACE**")]),
    row("lha", "LHA archive", "application/x-lzh-compressed", Archive, "lzh", &[(2, b"-lh"), (6, b"-")]),
    row("zoo", "Zoo archive", "application/x-zoo", Archive, "zoo", &[(20, b"\xdc\xa7\xc4\xfd")]),
    row("deb", "Debian package", "application/vnd.debian.binary-package", Installer, "deb", &[(0, b"!<arch>\ndebian-binary")]),
    row("ar", "Unix archive or static library", "application/x-archive", Archive, "a", &[(0, b"!<arch>\n")]),
    row("ar-thin", "Thin Unix archive", "application/x-archive", Archive, "a", &[(0, b"!<thin>\n")]),
    row("rpm", "RPM package", "application/x-rpm", Installer, "rpm", &[(0, b"\xed\xab\xee\xdb")]),
    row("xar", "xar archive (macOS package)", "application/x-xar", Installer, "pkg", &[(0, b"xar!")]),
    row("cpio-newc", "cpio archive (newc)", "application/x-cpio", Archive, "cpio", &[(0, b"070701")]),
    row("cpio-crc", "cpio archive (CRC)", "application/x-cpio", Archive, "cpio", &[(0, b"070702")]),
    row("cpio-odc", "cpio archive (portable)", "application/x-cpio", Archive, "cpio", &[(0, b"070707")]),
    row("tar", "tar archive", "application/x-tar", Archive, "tar", &[(257, b"ustar")]),
    row("crx", "Chromium extension", "application/x-chrome-extension", Installer, "crx", &[(0, b"Cr24")]),
    row("wim", "Windows imaging format", "application/x-ms-wim", Archive, "wim", &[(0, b"MSWIM\0\0\0")]),
    row("stuffit", "StuffIt archive", "application/x-stuffit", Archive, "sit", &[(0, b"SIT!"), (10, b"rLau")]),
    row("pyz", "PyInstaller archive of modules", "application/x-pyinstaller-pyz", Archive, "pyz", &[(0, b"PYZ\0")]),
    row("asar", "Electron archive", "application/x-asar", Archive, "asar", &[(0, b"\x04\0\0\0"), (16, b"{\"files\":")]),
    // Disk images and file systems
    row("iso9660", "ISO 9660 disc image", "application/vnd.efi.iso", DiskImage, "iso", &[(32_769, b"CD001")]),
    row("udf", "UDF disc image", "application/x-udf-image", DiskImage, "iso", &[(32_769, b"BEA01")]),
    row("vhdx", "Hyper-V disk (VHDX)", "application/x-vhdx-disk", DiskImage, "vhdx", &[(0, b"vhdxfile")]),
    row("vhd", "Virtual PC disk (VHD)", "application/x-vhd-disk", DiskImage, "vhd", &[(0, b"conectix")]),
    row("vmdk", "VMware disk", "application/x-vmdk-disk", DiskImage, "vmdk", &[(0, b"KDMV")]),
    row("vdi", "VirtualBox disk", "application/x-vdi-disk", DiskImage, "vdi", &[(64, b"\x7f\x10\xda\xbe")]),
    row("qcow2", "QEMU disk", "application/x-qemu-disk", DiskImage, "qcow2", &[(0, b"QFI\xfb")]),
    row("squashfs", "SquashFS image", "application/vnd.squashfs", DiskImage, "squashfs", &[(0, b"hsqs")]),
    row("cramfs", "cramfs image", "application/x-cramfs", DiskImage, "cramfs", &[(0, b"\x45\x3d\xcd\x28"), (16, b"Compressed ROMFS")]),
    row("ext-filesystem", "ext2/3/4 file system", "application/x-ext-filesystem", DiskImage, "img", &[(1_080, b"\x53\xef"), (1_082, b"\x01\0")]),
    row("ntfs", "NTFS volume", "application/x-ntfs-filesystem", DiskImage, "img", &[(3, b"NTFS    "), (510, b"\x55\xaa")]),
    row("fat-filesystem", "FAT volume", "application/x-fat-filesystem", DiskImage, "img", &[(54, b"FAT1"), (510, b"\x55\xaa")]),
    row("fat32-filesystem", "FAT32 volume", "application/x-fat-filesystem", DiskImage, "img", &[(82, b"FAT32"), (510, b"\x55\xaa")]),
    row("gpt-disk", "GPT disk image", "application/x-raw-disk-image", DiskImage, "img", &[(512, b"EFI PART")]),
    row("udif-dmg", "Apple disk image (trailer first)", "application/x-apple-diskimage", DiskImage, "dmg", &[(0, b"koly\0\0\0\x04")]),
    row("windows-minidump", "Windows minidump", "application/x-dmp", DiskImage, "dmp", &[(0, b"MDMP\x93\xa7")]),
    row("windows-crash-dump", "Windows crash dump", "application/x-dmp", DiskImage, "dmp", &[(0, b"PAGEDU")]),
    // Images
    row("png", "PNG image", "image/png", Image, "png", &[(0, b"\x89PNG\r\n\x1a\n")]),
    row("jpeg", "JPEG image", "image/jpeg", Image, "jpg", &[(0, b"\xff\xd8\xff")]),
    row("gif", "GIF image", "image/gif", Image, "gif", &[(0, b"GIF87a")]),
    row("gif", "GIF image", "image/gif", Image, "gif", &[(0, b"GIF89a")]),
    row("webp", "WebP image", "image/webp", Image, "webp", &[(0, b"RIFF"), (8, b"WEBP")]),
    row("tiff", "TIFF image", "image/tiff", Image, "tif", &[(0, b"II*\0")]),
    row("tiff", "TIFF image (big-endian)", "image/tiff", Image, "tif", &[(0, b"MM\0*")]),
    row("psd", "Photoshop image", "image/vnd.adobe.photoshop", Image, "psd", &[(0, b"8BPS\0")]),
    row("jpeg2000", "JPEG 2000 image", "image/jp2", Image, "jp2", &[(0, b"\0\0\0\x0cjP  \r\n\x87\n")]),
    row("jxl", "JPEG XL image", "image/jxl", Image, "jxl", &[(0, b"\0\0\0\x0cJXL \r\n\x87\n")]),
    row("heif", "HEIF image", "image/heif", Image, "heic", &[(4, b"ftypheic")]),
    row("avif", "AVIF image", "image/avif", Image, "avif", &[(4, b"ftypavif")]),
    row("emf", "Enhanced metafile", "image/emf", Image, "emf", &[(0, b"\x01\0\0\0"), (40, b" EMF")]),
    row("wmf", "Windows metafile (placeable)", "image/wmf", Image, "wmf", &[(0, b"\xd7\xcd\xc6\x9a")]),
    row("icns", "Apple icon", "image/icns", Image, "icns", &[(0, b"icns")]),
    row("xcf", "GIMP image", "image/x-xcf", Image, "xcf", &[(0, b"gimp xcf ")]),
    row("xpm", "X pixmap", "image/x-xpixmap", Image, "xpm", &[(0, b"/* XPM */")]),
    row("pbm", "Portable bitmap", "image/x-portable-bitmap", Image, "pbm", &[(0, b"P1\n")]),
    row("pbm", "Portable bitmap", "image/x-portable-bitmap", Image, "pbm", &[(0, b"P4\n")]),
    row("pgm", "Portable graymap", "image/x-portable-graymap", Image, "pgm", &[(0, b"P2\n")]),
    row("pgm", "Portable graymap", "image/x-portable-graymap", Image, "pgm", &[(0, b"P5\n")]),
    row("ppm", "Portable pixmap", "image/x-portable-pixmap", Image, "ppm", &[(0, b"P3\n")]),
    row("ppm", "Portable pixmap", "image/x-portable-pixmap", Image, "ppm", &[(0, b"P6\n")]),
    // Audio and video
    row("amr", "Adaptive multi-rate audio", "audio/amr", AudioVideo, "amr", &[(0, b"#!AMR")]),
    row("dff", "Direct stream digital audio (DFF)", "audio/x-dff", AudioVideo, "dff", &[(0, b"FRM8"), (12, b"DSD ")]),
    row("dsf", "Direct stream digital audio (DSF)", "audio/x-dsf", AudioVideo, "dsf", &[(0, b"DSD \x1c\0\0\0\0\0\0\0")]),
    row("wav", "WAV audio", "audio/vnd.wave", AudioVideo, "wav", &[(0, b"RIFF"), (8, b"WAVE")]),
    row("avi", "AVI video", "video/vnd.avi", AudioVideo, "avi", &[(0, b"RIFF"), (8, b"AVI ")]),
    row("mp4", "MPEG-4 media", "video/mp4", AudioVideo, "mp4", &[(4, b"ftyp")]),
    row("matroska", "Matroska or WebM media", "video/matroska", AudioVideo, "mkv", &[(0, b"\x1a\x45\xdf\xa3")]),
    row("ogg", "Ogg media", "application/ogg", AudioVideo, "ogg", &[(0, b"OggS\0")]),
    row("flac", "FLAC audio", "audio/flac", AudioVideo, "flac", &[(0, b"fLaC\0\0\0\x22")]),
    row("mp3", "MP3 audio with ID3 tag", "audio/mpeg", AudioVideo, "mp3", &[(0, b"ID3")]),
    row("flv", "Flash video", "video/x-flv", AudioVideo, "flv", &[(0, b"FLV\x01")]),
    row("asf", "Windows Media (ASF)", "application/vnd.ms-asf", AudioVideo, "wmv", &[(0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c")]),
    row("midi", "MIDI audio", "audio/midi", AudioVideo, "mid", &[(0, b"MThd\0\0\0\x06")]),
    row("mpeg-ps", "MPEG program stream", "video/mpeg", AudioVideo, "mpg", &[(0, b"\0\0\x01\xba")]),
    // Serialised objects whose magic looks like a font's
    row("dotnet-serialized", ".NET BinaryFormatter stream", "application/x-dotnet-serialized", Data, "", &[(0, b"\0\x01\0\0\0\xff\xff\xff\xff\x01\0\0\0\0\0\0\0")]),
    row("terminfo", "Description of a terminal", "application/x-terminfo", Data, "", &[(0, b"\x1a\x01"), (3, b"\0"), (5, b"\0"), (7, b"\0")]),
    row("terminfo-wide", "Description of a terminal (wide numbers)", "application/x-terminfo2", Data, "", &[(0, b"\x1e\x02"), (3, b"\0"), (5, b"\0"), (7, b"\0")]),
    row("gettext", "Translations (gettext)", "application/x-gettext-translation", Data, "mo", &[(0, b"\xde\x12\x04\x95\0\0")]),
    row("gettext", "Translations (gettext, big-endian)", "application/x-gettext-translation", Data, "mo", &[(0, b"\x95\x04\x12\xde\0")]),
    // Fonts
    row("eot", "Embedded OpenType font", "application/vnd.ms-fontobject", Font, "eot", &[(8, b"\x01\0\x02\0"), (34, b"LP")]),
    row("eot", "Embedded OpenType font", "application/vnd.ms-fontobject", Font, "eot", &[(8, b"\x02\0\x02\0"), (34, b"LP")]),
    row("truetype", "TrueType font", "font/ttf", Font, "ttf", &[(0, b"\0\x01\0\0\0")]),
    row("opentype", "OpenType font", "font/otf", Font, "otf", &[(0, b"OTTO\0")]),
    row("font-collection", "Font collection", "font/collection", Font, "ttc", &[(0, b"ttcf\0")]),
    row("woff", "WOFF font", "font/woff", Font, "woff", &[(0, b"wOFF")]),
    row("woff2", "WOFF2 font", "font/woff2", Font, "woff2", &[(0, b"wOF2")]),
    // Databases, captures, logs
    row("sqlite", "SQLite database", "application/vnd.sqlite3", Database, "sqlite", &[(0, b"SQLite format 3\0")]),
    row("access", "Access database (Jet)", "application/vnd.ms-access", Database, "mdb", &[(4, b"Standard Jet DB\0")]),
    row("access", "Access database (ACE)", "application/vnd.ms-access", Database, "accdb", &[(4, b"Standard ACE DB\0")]),
    row("ese", "Extensible Storage Engine database", "application/x-ms-ese", Database, "edb", &[(4, b"\xef\xcd\xab\x89")]),
    row("registry-hive", "Windows registry hive", "application/x-windows-registry-hive", Database, "dat", &[(0, b"regf")]),
    row("evtx", "Windows event log", "application/x-windows-evtx", Database, "evtx", &[(0, b"ElfFile\0")]),
    row("evt", "Windows event log (old)", "application/x-windows-evt", Database, "evt", &[(4, b"LfLe")]),
    row("prefetch", "Windows prefetch", "application/x-windows-prefetch", Database, "pf", &[(4, b"SCCA")]),
    row("prefetch", "Windows prefetch (compressed)", "application/x-windows-prefetch", Database, "pf", &[(0, b"MAM\x04")]),
    row("thumbcache", "Windows thumbnail cache", "application/x-windows-thumbcache", Database, "db", &[(0, b"CMMM")]),
    row("bplist", "Apple binary property list", "application/x-bplist", Database, "plist", &[(0, b"bplist00")]),
    row("pcap", "Packet capture", "application/vnd.tcpdump.pcap", Capture, "pcap", &[(0, b"\xd4\xc3\xb2\xa1\x02\0")]),
    row("pcap", "Packet capture (nanoseconds)", "application/vnd.tcpdump.pcap", Capture, "pcap", &[(0, b"\x4d\x3c\xb2\xa1\x02\0")]),
    row("pcap", "Packet capture (big-endian)", "application/vnd.tcpdump.pcap", Capture, "pcap", &[(0, b"\xa1\xb2\xc3\xd4\0\x02")]),
    // Keys, certificates, serialised objects
    row("pgp-message", "PGP message", "application/pgp-encrypted", Certificate, "asc", &[(0, b"-----BEGIN PGP MESSAGE")]),
    row("pgp-key", "PGP key", "application/pgp-keys", Certificate, "asc", &[(0, b"-----BEGIN PGP P")]),
    row("pem-certificate", "Certificate (PEM)", "application/x-pem-file", Certificate, "pem", &[(0, b"-----BEGIN CERTIFICATE")]),
    row("pem", "PEM data (key or certificate)", "application/x-pem-file", Certificate, "pem", &[(0, b"-----BEGIN ")]),
    row("java-keystore", "Java key store", "application/x-java-keystore", Certificate, "jks", &[(0, b"\xfe\xed\xfe\xed\0\0\0")]),
    row("java-serialized", "Java serialised object", "application/x-java-serialized-object", Data, "ser", &[(0, b"\xac\xed\0\x05")]),
    row("python-pickle", "Python pickle", "application/x-python-pickle", Bytecode, "pkl", &[(0, b"\x80\x04\x95")]),
    row("python-pickle", "Python pickle", "application/x-python-pickle", Bytecode, "pkl", &[(0, b"\x80\x05\x95")]),
    row("keepass", "KeePass database", "application/x-keepass2", Database, "kdbx", &[(0, b"\x03\xd9\xa2\x9a"), (5, b"\xfb\x4b\xb5")]),
    row("hdf5", "HDF5 data", "application/x-hdf5", Data, "h5", &[(0, b"\x89HDF\r\n\x1a\n")]),
    row("gguf", "GGUF model", "application/x-gguf", Data, "gguf", &[(0, b"GGUF")]),
    row("parquet", "Apache Parquet data", "application/vnd.apache.parquet", Data, "parquet", &[(0, b"PAR1")]),
    row("bittorrent", "BitTorrent metainfo", "application/x-bittorrent", Data, "torrent", &[(0, b"d8:announce")]),
    row("uefi-capsule", "UEFI firmware volume", "application/x-uefi-firmware", Data, "fd", &[(40, b"_FVH")]),
    row("u-boot", "U-Boot image", "application/x-u-boot-image", Data, "img", &[(0, b"\x27\x05\x19\x56")]),
    row("android-boot", "Android boot image", "application/x-android-boot-image", DiskImage, "img", &[(0, b"ANDROID!")]),
];

/// Formats that `structure.rs` and `script.rs` tell.
#[rustfmt::skip]
const STRUCTURAL: &[Row] = &[
    row("pe", "PE image", "application/vnd.microsoft.portable-executable", Executable, "exe", &[]),
    row("dos-mz", "MS-DOS executable", "application/x-dosexec", Executable, "exe", &[]),
    row("ne", "16-bit Windows or OS/2 executable (NE)", "application/x-dosexec", Executable, "exe", &[]),
    row("le", "Linear executable (LE/LX)", "application/x-dosexec", Executable, "exe", &[]),
    row("elf", "ELF image", "application/x-elf", Executable, "", &[]),
    row("macho", "Mach-O image", "application/x-mach-binary", Executable, "", &[]),
    row("macho-fat", "Mach-O universal image", "application/x-mach-binary", Executable, "", &[]),
    row("java-class", "Java class", "application/java-vm", Bytecode, "class", &[]),
    row("eicar", "EICAR anti-virus test file", "application/x-dosexec", Executable, "com", &[]),
    row("nsis-installer", "NSIS installer", "application/vnd.microsoft.portable-executable", Installer, "exe", &[]),
    row("inno-installer", "Inno Setup installer", "application/vnd.microsoft.portable-executable", Installer, "exe", &[]),
    row("installshield-installer", "InstallShield installer", "application/vnd.microsoft.portable-executable", Installer, "exe", &[]),
    row("burn-installer", "WiX Burn installer", "application/vnd.microsoft.portable-executable", Installer, "exe", &[]),
    row("7z-sfx", "7-Zip self-extracting archive", "application/vnd.microsoft.portable-executable", Installer, "exe", &[]),
    row("rar-sfx", "RAR self-extracting archive", "application/vnd.microsoft.portable-executable", Installer, "exe", &[]),
    row("zip-sfx", "ZIP self-extracting archive", "application/vnd.microsoft.portable-executable", Installer, "exe", &[]),
    row("cab-sfx", "Cabinet self-extracting archive", "application/vnd.microsoft.portable-executable", Installer, "exe", &[]),
    row("pyinstaller", "PyInstaller program", "application/vnd.microsoft.portable-executable", Executable, "exe", &[]),
    row("zip", "ZIP archive", "application/zip", Archive, "zip", &[]),
    row("docx", "Word document (OOXML)", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", Document, "docx", &[]),
    row("docm", "Word document with macros (OOXML)", "application/vnd.ms-word.document.macroenabled.12", Document, "docm", &[]),
    row("xlsx", "Excel workbook (OOXML)", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Document, "xlsx", &[]),
    row("xlsm", "Excel workbook with macros (OOXML)", "application/vnd.ms-excel.sheet.macroenabled.12", Document, "xlsm", &[]),
    row("xlsb", "Excel binary workbook", "application/vnd.ms-excel.sheet.binary.macroenabled.12", Document, "xlsb", &[]),
    row("pptx", "PowerPoint presentation (OOXML)", "application/vnd.openxmlformats-officedocument.presentationml.presentation", Document, "pptx", &[]),
    row("pptm", "PowerPoint presentation with macros (OOXML)", "application/vnd.ms-powerpoint.presentation.macroenabled.12", Document, "pptm", &[]),
    row("vsdx", "Visio drawing", "application/vnd.ms-visio.drawing", Document, "vsdx", &[]),
    row("xps", "XPS document", "application/oxps", Document, "oxps", &[]),
    row("ooxml", "Open Packaging Conventions package", "application/x-ooxml", Document, "", &[]),
    row("odt", "OpenDocument text", "application/vnd.oasis.opendocument.text", Document, "odt", &[]),
    row("ods", "OpenDocument spreadsheet", "application/vnd.oasis.opendocument.spreadsheet", Document, "ods", &[]),
    row("odp", "OpenDocument presentation", "application/vnd.oasis.opendocument.presentation", Document, "odp", &[]),
    row("odf", "OpenDocument", "application/vnd.oasis.opendocument", Document, "", &[]),
    row("epub", "EPUB book", "application/epub+zip", Document, "epub", &[]),
    row("jar", "Java archive", "application/java-archive", Executable, "jar", &[]),
    row("apk", "Android package", "application/vnd.android.package-archive", Executable, "apk", &[]),
    row("ipa", "iOS application", "application/x-ios-app", Executable, "ipa", &[]),
    row("xpi", "Browser extension", "application/x-xpinstall", Installer, "xpi", &[]),
    row("appx", "Windows application package", "application/vnd.ms-appx", Installer, "msix", &[]),
    row("nupkg", "NuGet package", "application/x-nupkg", Archive, "nupkg", &[]),
    row("vsix", "Visual Studio extension", "application/vsix", Installer, "vsix", &[]),
    row("wheel", "Python wheel", "application/x-python-wheel", Archive, "whl", &[]),
    row("ole", "OLE compound file", "application/x-ole-storage", Document, "", &[]),
    row("doc", "Word document (97 - 2003)", "application/msword", Document, "doc", &[]),
    row("xls", "Excel workbook (97 - 2003)", "application/vnd.ms-excel", Document, "xls", &[]),
    row("ppt", "PowerPoint presentation (97 - 2003)", "application/vnd.ms-powerpoint", Document, "ppt", &[]),
    row("msi", "Windows Installer package", "application/x-msi", Installer, "msi", &[]),
    row("msg", "Outlook message", "application/vnd.ms-outlook", Mail, "msg", &[]),
    row("vsd", "Visio drawing (97 - 2003)", "application/vnd.visio", Document, "vsd", &[]),
    row("pub", "Publisher document", "application/x-mspublisher", Document, "pub", &[]),
    row("hwp", "Hangul document", "application/x-hwp", Document, "hwp", &[]),
    row("thumbs-db", "Windows thumbnail database", "application/x-windows-thumbs-db", Database, "db", &[]),
    row("ooxml-encrypted", "Encrypted Office document", "application/x-ooxml-protected", Document, "", &[]),
    row("dmg", "Apple disk image", "application/x-apple-diskimage", DiskImage, "dmg", &[]),
    row("mbr-disk", "Disk or boot sector image (MBR)", "application/x-raw-disk-image", DiskImage, "img", &[]),
    row("bmp", "BMP image", "image/bmp", Image, "bmp", &[]),
    row("ico", "Windows icon", "image/vnd.microsoft.icon", Image, "ico", &[]),
    row("cur", "Windows cursor", "image/x-win-bitmap", Image, "cur", &[]),
    row("svg", "SVG image", "image/svg+xml", Image, "svg", &[]),
    row("mpeg-audio", "MPEG audio", "audio/mpeg", AudioVideo, "mp3", &[]),
    row("mpeg-ts", "MPEG transport stream", "video/mp2t", AudioVideo, "ts", &[]),
    row("tar-old", "tar archive (before POSIX)", "application/x-tar", Archive, "tar", &[]),
    row("zlib", "zlib compressed data", "application/zlib", Archive, "", &[]),
    row("der-certificate", "Certificate (DER)", "application/pkix-cert", Certificate, "cer", &[]),
    row("pkcs7", "PKCS #7 signed data", "application/pkcs7-mime", Certificate, "p7b", &[]),
    row("pkcs12", "PKCS #12 key store", "application/x-pkcs12", Certificate, "p12", &[]),
    row("pgp-keys", "OpenPGP key", "application/pgp-keys", Certificate, "pgp", &[]),
    row("shell", "Shell script", "application/x-sh", Script, "sh", &[]),
    row("python", "Python script", "text/x-python", Script, "py", &[]),
    row("perl", "Perl script", "text/x-perl", Script, "pl", &[]),
    row("ruby", "Ruby script", "text/x-ruby", Script, "rb", &[]),
    row("php", "PHP script", "application/x-httpd-php", Script, "php", &[]),
    row("javascript", "JavaScript", "text/javascript", Script, "js", &[]),
    row("vbscript", "VBScript", "text/vbscript", Script, "vbs", &[]),
    row("vba", "Visual Basic module", "text/x-vba", Script, "bas", &[]),
    row("powershell", "PowerShell script", "application/x-powershell", Script, "ps1", &[]),
    row("batch", "Windows batch file", "application/x-bat", Script, "bat", &[]),
    row("applescript", "AppleScript", "text/x-applescript", Script, "applescript", &[]),
    row("autoit", "AutoIt script", "text/x-autoit", Script, "au3", &[]),
    row("lua", "Lua script", "text/x-lua", Script, "lua", &[]),
    row("script", "Script with an interpreter line", "text/x-script", Script, "", &[]),
    row("wsf", "Windows script file", "text/x-wsf", Script, "wsf", &[]),
    row("scriptlet", "Windows script component", "text/scriptlet", Script, "sct", &[]),
    row("hta", "HTML application", "application/hta", Script, "hta", &[]),
    row("asp", "Active server page", "text/x-asp", Script, "asp", &[]),
    row("jsp", "Java server page", "text/x-jsp", Script, "jsp", &[]),
    row("html", "HTML document", "text/html", Document, "html", &[]),
    row("xhtml", "XHTML document", "application/xhtml+xml", Document, "xhtml", &[]),
    row("mht", "Web archive (MHTML)", "multipart/related", Document, "mht", &[]),
    row("flat-opc", "Office document (flat XML)", "application/vnd.ms-office.flat-opc", Document, "xml", &[]),
    row("xml", "XML document", "application/xml", Text, "xml", &[]),
    row("json", "JSON", "application/json", Text, "json", &[]),
    row("json-lines", "JSON, one a line", "application/x-ndjson", Text, "ndjson", &[]),
    row("eml", "Mail message", "message/rfc822", Mail, "eml", &[]),
    row("mbox", "Mailbox", "application/mbox", Mail, "mbox", &[]),
    row("internet-shortcut", "Internet shortcut", "application/x-url", Script, "url", &[]),
    row("desktop-entry", "Desktop entry", "application/x-desktop", Script, "desktop", &[]),
    row("registry-script", "Registry script", "text/x-ms-regedit", Script, "reg", &[]),
    row("inf", "Windows setup information", "text/x-inf", Script, "inf", &[]),
    row("rdp", "Remote desktop connection", "application/x-rdp", Script, "rdp", &[]),
    row("iqy", "Excel web query", "text/x-iqy", Script, "iqy", &[]),
    row("slk", "Symbolic link spreadsheet", "text/x-sylk", Document, "slk", &[]),
    row("settingcontent", "Windows settings shortcut", "application/x-settingcontent-ms", Script, "settingcontent-ms", &[]),
    row("text", "Text", "text/plain", Text, "txt", &[]),
    row("utf16-text", "Text (UTF-16)", "text/plain", Text, "txt", &[]),
    row("data", "Data", "application/octet-stream", Data, "", &[]),
];

/// A format by its id. Every id that the code names is in a table: a test walks them.
pub fn by_id(id: &str) -> Option<&'static Row> {
    STRUCTURAL.iter().chain(TABLE).find(|row| row.id == id)
}

pub fn find_row(data: &[u8]) -> Option<&'static Row> {
    let has = |&(offset, bytes): &(usize, &[u8])| data.get(offset..).is_some_and(|rest| rest.starts_with(bytes));
    TABLE.iter().find(|row| row.magic.iter().all(has))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_own_magic() {
        for row in TABLE {
            let end = row.magic.iter().map(|(offset, bytes)| offset + bytes.len()).max().unwrap_or(0);
            let mut data = vec![0_u8; end];
            for (offset, bytes) in row.magic {
                data[*offset..offset + bytes.len()].copy_from_slice(bytes);
            }
            assert_eq!(find_row(&data).map(|found| found.id), Some(row.id), "{}", row.name);
        }
    }

    #[test]
    fn nothing_fits_nothing() {
        assert!(find_row(b"").is_none());
        assert!(find_row(&[0; 64]).is_none());
    }

    #[test]
    fn ids_and_types_are_well_formed() {
        for row in TABLE {
            assert!(row.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
            assert!(row.mime.split('/').count() == 2, "{}", row.mime);
            assert!(!row.magic.is_empty());
        }
    }
}
