//! Hash functions that published shellcode and loaders use on names.

pub struct Algorithm {
    pub name: &'static str,
    pub hash: fn(&[u8]) -> u32,
}

/// Those that add a hash of the library's name.
pub struct WithLibrary {
    pub name: &'static str,
    pub library: fn(&str) -> u32,
    pub function: fn(&[u8]) -> u32,
}

pub const ALGORITHMS: [Algorithm; 13] = [
    Algorithm { name: "ror13-add", hash: ror13 },
    Algorithm { name: "ror13-add-zero", hash: ror13_zero },
    Algorithm { name: "ror7-add", hash: |name| turned(name, |hash| hash.rotate_right(7), u32::wrapping_add) },
    Algorithm { name: "rol3-xor", hash: |name| turned(name, |hash| hash.rotate_left(3), |hash, byte| hash ^ byte) },
    Algorithm { name: "rol5-add", hash: |name| turned(name, |hash| hash.rotate_left(5), u32::wrapping_add) },
    Algorithm { name: "rol7-xor", hash: |name| turned(name, |hash| hash.rotate_left(7), |hash, byte| hash ^ byte) },
    Algorithm { name: "crc32", hash: crc32 },
    Algorithm { name: "djb2", hash: djb2 },
    Algorithm { name: "djb2-xor", hash: |name| multiplied(name, 5_381, 33, |hash, byte| hash ^ byte) },
    Algorithm { name: "sdbm", hash: |name| multiplied(name, 0, 65_599, u32::wrapping_add) },
    Algorithm { name: "fnv1", hash: |name| multiplied(name, 0x811c_9dc5, 0x0100_0193, |hash, byte| hash ^ byte) },
    Algorithm { name: "fnv1a", hash: fnv1a },
    Algorithm { name: "jenkins-one-at-a-time", hash: jenkins },
];

pub const WITH_LIBRARY: [WithLibrary; 1] =
    [WithLibrary { name: "ror13-add-library", library: ror13_of_library, function: ror13_zero }];

/// Turn the hash, then take in a byte.
fn turned(name: &[u8], turn: fn(u32) -> u32, take: fn(u32, u32) -> u32) -> u32 {
    name.iter().fold(0, |hash, &byte| take(turn(hash), u32::from(byte)))
}

fn multiplied(name: &[u8], start: u32, factor: u32, take: fn(u32, u32) -> u32) -> u32 {
    name.iter().fold(start, |hash, &byte| take(hash.wrapping_mul(factor), u32::from(byte)))
}

fn ror13(name: &[u8]) -> u32 {
    turned(name, |hash| hash.rotate_right(13), u32::wrapping_add)
}

/// With the zero at the name's end.
fn ror13_zero(name: &[u8]) -> u32 {
    ror13(name).rotate_right(13)
}

/// In upper case and UTF-16, with its zero: as the loader's lists have it.
fn ror13_of_library(name: &str) -> u32 {
    let units = name.bytes().chain([0]).flat_map(|byte| [byte.to_ascii_uppercase(), 0]);
    units.fold(0, |hash: u32, byte| hash.rotate_right(13).wrapping_add(u32::from(byte)))
}

fn crc32(name: &[u8]) -> u32 {
    let bit = |crc: u32, _| if crc & 1 != 0 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !name.iter().fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), bit))
}

fn djb2(name: &[u8]) -> u32 {
    multiplied(name, 5_381, 33, u32::wrapping_add)
}

fn fnv1a(name: &[u8]) -> u32 {
    name.iter().fold(0x811c_9dc5, |hash: u32, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn jenkins(name: &[u8]) -> u32 {
    let mixed = name.iter().fold(0u32, |hash, &byte| {
        let hash = hash.wrapping_add(u32::from(byte));
        let hash = hash.wrapping_add(hash << 10);
        hash ^ hash >> 6
    });
    let mixed = mixed.wrapping_add(mixed << 3);
    let mixed = mixed ^ mixed >> 11;
    mixed.wrapping_add(mixed << 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_published_ones() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(fnv1a(b"foobar"), 0xbf9c_f968);
        assert_eq!(jenkins(b"The quick brown fox jumps over the lazy dog"), 0x519e_91f5);
        // Of the first shellcodes that had it.
        assert_eq!(ror13(b"LoadLibraryA"), 0xec0e_4e8e);
        assert_eq!(ror13(b"GetProcAddress"), 0x7c0d_fcaa);
        assert_eq!(djb2(b"a"), 177_670);
    }
}
