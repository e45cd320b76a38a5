//! Names that Windows' libraries export. `exports.z` is made by `exports.py`.

/// Bytes that it may unpack to.
const MAX_UNPACKED: usize = 1 << 20;

pub struct Library {
    /// `kernel32.dll`.
    pub name: &'static str,
    pub functions: Vec<Exported>,
}

#[derive(Clone, Copy)]
pub struct Exported {
    pub name: &'static str,
    /// That it takes from the stack in 32 bits; none: its caller takes them.
    pub words: Option<u8>,
}

pub struct Database {
    pub libraries: Vec<Library>,
}

impl Database {
    /// Unpacked once in a component's life, which is a call.
    #[must_use]
    pub fn get() -> &'static Self {
        static DATABASE: std::sync::OnceLock<Database> = std::sync::OnceLock::new();
        static TEXT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        DATABASE.get_or_init(|| Self::parse(TEXT.get_or_init(unpack)))
    }

    fn parse(text: &'static str) -> Self {
        let mut libraries: Vec<Library> = Vec::new();
        for line in text.lines() {
            if let Some(name) = line.strip_prefix('=') {
                libraries.push(Library { name, functions: Vec::new() });
            } else if let Some(library) = libraries.last_mut() {
                let (name, words) =
                    line.split_once(' ').map_or((line, None), |(name, words)| (name, words.parse().ok()));
                library.functions.push(Exported { name, words });
            }
        }
        Self { libraries }
    }

    /// By a name as programs give it: in any case, with or without its ending.
    #[must_use]
    pub fn library(&self, name: &str) -> Option<usize> {
        let name = name.rsplit(['\\', '/']).next().unwrap_or(name).to_ascii_lowercase();
        let stem = name.strip_suffix(".dll").unwrap_or(&name);
        let stem = if stem == "kernelbase" { "kernel32" } else { stem };
        self.libraries.iter().position(|library| library.name.strip_suffix(".dll") == Some(stem))
    }

    #[must_use]
    pub fn function(&self, library: usize, name: &str) -> Option<usize> {
        self.libraries.get(library)?.functions.binary_search_by(|function| function.name.cmp(name)).ok()
    }
}

fn unpack() -> String {
    let packed = include_bytes!("exports.z");
    let text = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(packed, MAX_UNPACKED).unwrap_or_default();
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_by_name() {
        let database = Database::get();
        let kernel = database.library("KERNEL32.DLL").unwrap_or(usize::MAX);
        let found = database.function(kernel, "VirtualAlloc").map(|index| database.libraries[kernel].functions[index]);
        assert_eq!(found.and_then(|function| function.words), Some(4));
        assert!(database.function(kernel, "NoSuchFunction").is_none());
        for library in &database.libraries {
            assert!(library.functions.is_sorted_by_key(|function| function.name), "{}", library.name);
            assert!(library.functions.len() > 20, "{}", library.name);
        }
    }
}
