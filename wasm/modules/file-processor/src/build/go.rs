//! Build information of Go: the version of the compiler, the modules, and the settings (as `go version -m` shows them).

use super::{at_address, section};
use crate::facts::Executable;
use crate::facts::build::{Dependency, GoBuild, MAX_TEXT};
use crate::reader::{Reader, text};

const MAGIC: &[u8] = b"\xff Go buildinf:";
/// The magic stands at multiples of it.
const ALIGNMENT: usize = 16;
/// And the table of lines: newer linkers no longer align it more.
const LINES_ALIGNMENT: usize = 8;
/// Bytes of the list of modules: large programs have some 50 KiB.
const MAX_MODULES: u64 = 1 << 20;
const MAX_VERSION: u64 = 256;
const MAX_SETTINGS: usize = 64;
/// Texts of the linker stand between marks of so many bytes.
const MARK: usize = 16;

pub fn read(image: &[u8], executable: &Executable) -> Option<GoBuild> {
    let line_table = line_table(image, executable);
    let found = at_magic(image)
        .and_then(|info| if info.get(15)? & 2 != 0 { inline(info) } else { by_address(image, executable, info) });
    let (version, modules) = match found {
        Some(found) => found,
        // Tools that hide what a program is remove the one but need the other.
        None if line_table.is_empty() => return None,
        None => Default::default(),
    };
    let mut build = GoBuild { version: text(version, MAX_TEXT), line_table, ..GoBuild::default() };
    read_modules(&mut build, modules);
    Some(build)
}

fn at_magic(image: &[u8]) -> Option<&[u8]> {
    let at = image.chunks(ALIGNMENT).position(|chunk| chunk.starts_with(MAGIC))?;
    Some(&image[at * ALIGNMENT..])
}

type Texts<'a> = (&'a [u8], &'a [u8]);

/// Since Go 1.18: both texts with their lengths, behind 32 bytes.
fn inline(info: &[u8]) -> Option<Texts<'_>> {
    let (version, next) = sized(info, 32, MAX_VERSION)?;
    let modules = sized(info, next, MAX_MODULES).map_or(&[][..], |(modules, _)| modules);
    Some((version, modules))
}

/// Bytes behind their length in seven bits a byte, the lowest first.
fn sized(info: &[u8], at: usize, most: u64) -> Option<(&[u8], usize)> {
    let (mut length, mut at) = (0_u64, at);
    for shift in (0..28).step_by(7) {
        let byte = *info.get(at)?;
        at += 1;
        length |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            let end = at.checked_add(usize::try_from(length).ok()?)?;
            return info.get(at..end).filter(|_| length <= most).map(|bytes| (bytes, end));
        }
    }
    None
}

/// Before: addresses of two texts, each of which is an address and a length.
fn by_address<'a>(image: &'a [u8], executable: &Executable, info: &'a [u8]) -> Option<Texts<'a>> {
    let reader = Reader::new(info, info.get(15)? & 1 != 0);
    let width = match info.get(14)? {
        4 => 4,
        8 => 8,
        _ => return None,
    };
    let string = |at: u64, most: u64| {
        let header = at_address(image, executable, reader.word(at, width == 8)?)?;
        let header = Reader::new(header, info[15] & 1 != 0);
        let length = header.word(width, width == 8).filter(|&length| length <= most)?;
        at_address(image, executable, header.word(0, width == 8)?)?.get(..usize::try_from(length).ok()?)
    };
    Some((string(16, MAX_VERSION)?, string(16 + width, MAX_MODULES).unwrap_or_default()))
}

/// Lines of words between tabulators: `path`, `mod`, `dep`, `=>` for what stands in for the one before, `build`.
fn read_modules(build: &mut GoBuild, modules: &[u8]) {
    let inner = modules.len().checked_sub(MARK).and_then(|end| modules.get(MARK..end)).unwrap_or_default();
    for line in inner.split(|&byte| byte == b'\n') {
        let mut words = line.split(|&byte| byte == b'\t').map(|word| text(word, MAX_TEXT));
        let mut word = || words.next().unwrap_or_default();
        match word().as_str() {
            "path" => build.path = word(),
            "mod" => build.module = Some(Dependency { name: word(), version: word() }),
            "dep" => build.dependencies.push(Dependency { name: word(), version: word() }),
            "=>" => {
                let instead = Dependency { name: word(), version: word() };
                if let Some(last) = build.dependencies.last_mut() {
                    *last = instead;
                }
            }
            "build" if build.settings.len() < MAX_SETTINGS => {
                let setting = word();
                let (key, value) = setting.split_once('=').unwrap_or((&setting, ""));
                build.settings.insert(key.to_owned(), value.trim_matches('"').to_owned());
            }
            _ => {}
        }
    }
}

/// The format of the table of functions and lines, by its magic: which versions of Go write it.
fn line_table(image: &[u8], executable: &Executable) -> &'static str {
    let named = section(image, executable, &[".gopclntab", "__gopclntab", ".data.rel.ro.gopclntab"]);
    if let Some(kind) = named.and_then(line_table_kind) {
        return kind;
    }
    // Of PE files it stands within another section: there its header must make sense.
    let has_magic = |chunk: &&[u8]| matches!(chunk[0], 0xf0 | 0xf1 | 0xfa | 0xfb);
    let mut chunks = image.as_chunks::<LINES_ALIGNMENT>().0.iter().map(|chunk| &chunk[..]).filter(has_magic);
    chunks.find_map(line_table_kind).unwrap_or_default()
}

/// Magic, two zeros, the size of instructions, and that of addresses.
fn line_table_kind(table: &[u8]) -> Option<&'static str> {
    let [magic @ .., 0, 0, 1 | 2 | 4, 4 | 8] = *table.first_chunk::<8>()? else { return None };
    match u32::from_le_bytes(magic) {
        0xffff_fffb => Some("1.2"),
        0xffff_fffa => Some("1.16"),
        0xffff_fff0 => Some("1.18"),
        0xffff_fff1 => Some("1.20"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(lines: &str) -> Vec<u8> {
        [&[b'<'; MARK], lines.as_bytes(), &[b'>'; MARK]].concat()
    }

    fn image(version: &str, lines: &str) -> Vec<u8> {
        let mut image = vec![0; 48];
        image.extend(MAGIC);
        image.extend([8, 2]);
        image.resize(80, 0);
        image.push(u8::try_from(version.len()).unwrap_or(0));
        image.extend(version.bytes());
        let modules = marked(lines);
        image.extend([(modules.len() & 0x7f | 0x80) as u8, (modules.len() >> 7) as u8]);
        image.extend(modules);
        image
    }

    #[test]
    fn modules_and_settings_are_read() {
        let lines = "path\tx.test/cmd\nmod\tx.test\t(devel)\t\ndep\ta.test/a\tv1.0.0\th1:x=\ndep\tb.test/b\tv2.0.0\n\
                     =>\tc.test/c\tv3.0.0\th1:y=\nbuild\t-ldflags=\"-s -w\"\nbuild\tGOOS=linux\n";
        let Some(build) = read(&image("go1.22.1", lines), &Executable::default()) else { panic!("nothing") };
        assert_eq!((build.version.as_str(), build.path.as_str()), ("go1.22.1", "x.test/cmd"));
        let names: Vec<_> = build.dependencies.iter().map(|it| (it.name.as_str(), it.version.as_str())).collect();
        assert_eq!(names, [("a.test/a", "v1.0.0"), ("c.test/c", "v3.0.0")]);
        assert_eq!(build.settings["GOOS"], "linux");
        assert_eq!(build.settings["-ldflags"], "-s -w");
    }

    #[test]
    fn lengths_beyond_the_file_are_none() {
        let whole = image("go1.22.1", "path\tx\n");
        for length in 0..whole.len() {
            let version = read(&whole[..length], &Executable::default()).map(|build| build.version);
            assert!(version.is_none_or(|version| version == "go1.22.1"));
        }
    }

    #[test]
    fn a_line_table_without_build_information_is_go_too() {
        let mut image = vec![0; 32];
        image.extend([0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8]);
        let build = read(&image, &Executable::default()).unwrap_or_default();
        assert_eq!((build.line_table, build.version.as_str()), ("1.20", ""));
        image[38] = 3;
        assert_eq!(read(&image, &Executable::default()), None);
    }
}
