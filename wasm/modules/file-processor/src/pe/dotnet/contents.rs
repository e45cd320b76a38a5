//! What the tables say: references, types, functions of other libraries, resources, strings, attributes.

use sha1::{Digest, Sha1};

use super::heaps::{Heaps, sized};
use super::tables::{
    ASSEMBLY, ASSEMBLY_REF, CUSTOM_ATTRIBUTE, IMPL_MAP, MANIFEST_RESOURCE, MEMBER_REF, METHOD_DEF, MODULE, MODULE_REF,
    Row, TYPE_DEF, TYPE_REF, Tables,
};
use crate::budget::Budget;
use crate::facts::dotnet::{AssemblyReference, Attribute, DotNet, ManifestResource, PInvoke};
use crate::limits::MAX_RESOURCE_MEASURED;
use crate::reader::{Reader, text, text_utf16};
use module_kit::hex;

/// Rows of a table that are looked at: more are counted only.
const MAX_ROWS: usize = 4_096;
/// Bytes of their names, of each table: crafted rows may all point at one long name.
const MAX_LETTERS: usize = 1 << 20;
/// Attributes that are looked at: of an assembly there are about 20, but those of types and methods stand among them.
const MAX_ATTRIBUTES: usize = 65_536;
const MAX_USER_STRINGS: u64 = 65_536;
/// Characters of a string that are reported.
const MAX_STRING: usize = 512;

/// Attributes of an assembly whose one argument is a text.
const ATTRIBUTES: [&str; 10] = [
    "TargetFrameworkAttribute",
    "AssemblyTitleAttribute",
    "AssemblyDescriptionAttribute",
    "AssemblyCompanyAttribute",
    "AssemblyProductAttribute",
    "AssemblyCopyrightAttribute",
    "AssemblyTrademarkAttribute",
    "AssemblyFileVersionAttribute",
    "AssemblyInformationalVersionAttribute",
    "AssemblyConfigurationAttribute",
];
const GUID_ATTRIBUTE: &str = "GuidAttribute";

pub fn read(dotnet: &mut DotNet, tables: &Tables, heaps: &Heaps) {
    if let Some([_, name, mvid, ..]) = tables.row(MODULE, 1) {
        dotnet.module_name = heaps.name(name);
        dotnet.mvid = heaps.guid(mvid);
    }
    if let Some([_, version, _, key, name, _]) = tables.row(ASSEMBLY, 1) {
        dotnet.assembly_name = heaps.name(name);
        dotnet.version = version_text(version);
        dotnet.public_key_token = token_of(heaps.blob(key));
    }
    dotnet.references = named(tables, ASSEMBLY_REF, |row| reference(heaps, row), |it| it.name.len());
    dotnet.types = named(tables, TYPE_DEF, |row| full_name(heaps, row[2], row[1]), String::len);
    dotnet.type_count = tables.count(TYPE_DEF);
    dotnet.method_count = tables.count(METHOD_DEF);
    dotnet.p_invokes = named(tables, IMPL_MAP, |row| p_invoke(tables, heaps, row), |it| it.name.len());
    dotnet.p_invoke_count = tables.count(IMPL_MAP);
    dotnet.entry_point = entry_point(tables, heaps, dotnet.entry_point_token).unwrap_or_default();
    attributes(dotnet, tables, heaps);
}

/// What the first rows say, until there is too much of it.
fn named<T>(tables: &Tables, table: usize, read: impl Fn(Row) -> T, letters: impl Fn(&T) -> usize) -> Vec<T> {
    let mut left = MAX_LETTERS;
    let fits = |item: &T| {
        left = left.saturating_sub(letters(item));
        left > 0
    };
    tables.rows(table).take(MAX_ROWS).map(read).take_while(fits).collect()
}

/// Major, minor, build and revision, 16 bits each.
fn version_text(version: u64) -> String {
    let part = |shift: u32| version >> shift & 0xffff;
    format!("{}.{}.{}.{}", part(0), part(16), part(32), part(48))
}

/// The last eight bytes of the key's SHA-1, in reverse.
fn token_of(key: &[u8]) -> String {
    let digest = Sha1::digest(key);
    let token: Vec<u8> = digest.iter().rev().take(8).copied().collect();
    if key.is_empty() { String::new() } else { hex(&token) }
}

fn reference(heaps: &Heaps, [version, flags, key, name, ..]: Row) -> AssemblyReference {
    let key = heaps.blob(key);
    // Whole keys are rare: nearly all references have the token.
    let token = if flags & 1 == 0 { hex(&key[..key.len().min(8)]) } else { token_of(key) };
    AssemblyReference { name: heaps.name(name), version: version_text(version), public_key_token: token }
}

fn full_name(heaps: &Heaps, namespace: u64, name: u64) -> String {
    let (namespace, name) = (heaps.name(namespace), heaps.name(name));
    if namespace.is_empty() { name } else { format!("{namespace}.{name}") }
}

fn p_invoke(tables: &Tables, heaps: &Heaps, [_, _, name, scope, ..]: Row) -> PInvoke {
    let library = tables.row(MODULE_REF, scope).map_or_else(String::new, |row| heaps.name(row[0]));
    PInvoke { library, name: heaps.name(name) }
}

/// Type and method of a token; empty for the entry points of native code and of other files.
fn entry_point(tables: &Tables, heaps: &Heaps, token: u32) -> Option<String> {
    let method = (token >> 24 == METHOD_DEF as u32).then_some(u64::from(token & 0x00ff_ffff))?;
    let name = heaps.name(tables.row(METHOD_DEF, method)?[2]);
    // The owner is the last type whose methods begin at or before it: the rows are in order.
    let (mut first, mut behind) = (1, tables.count(TYPE_DEF) + 1);
    while behind - first > 1 {
        let middle = first.midpoint(behind);
        if tables.row(TYPE_DEF, middle)?[5] <= method { first = middle } else { behind = middle }
    }
    let [_, type_name, namespace, ..] = tables.row(TYPE_DEF, first)?;
    Some(format!("{}.{name}", full_name(heaps, namespace, type_name)))
}

/// Of the assembly itself: what it says of itself, and for which framework it was built.
fn attributes(dotnet: &mut DotNet, tables: &Tables, heaps: &Heaps) {
    const OF_THE_ASSEMBLY: u64 = 1 << 5 | 14;
    for [parent, constructor, value, ..] in tables.rows(CUSTOM_ATTRIBUTE).take(MAX_ATTRIBUTES) {
        if parent != OF_THE_ASSEMBLY || dotnet.attributes.len() > ATTRIBUTES.len() {
            continue;
        }
        let Some(name) = attribute_name(tables, constructor).map(|index| heaps.name_bytes(index)) else { continue };
        let Some(value) = text_argument(heaps.blob(value)) else { continue };
        if name == GUID_ATTRIBUTE.as_bytes() {
            dotnet.typelib_id = value.to_lowercase();
        } else if let Some(known) = ATTRIBUTES.iter().find(|known| known.as_bytes() == name)
            && !value.is_empty()
        {
            let name = known.trim_end_matches("Attribute").to_owned();
            dotnet.attributes.push(Attribute { name, value });
        }
    }
}

/// Index of the name of an attribute's type, where that is in another assembly.
fn attribute_name(tables: &Tables, constructor: u64) -> Option<u64> {
    let member = (constructor & 7 == 3).then_some(constructor >> 3)?;
    let parent = tables.row(MEMBER_REF, member)?[0];
    let of_type = (parent & 7 == 1).then_some(parent >> 3)?;
    Some(tables.row(TYPE_REF, of_type)?[1])
}

/// The first argument of an attribute's value, if it can be a text.
fn text_argument(value: &[u8]) -> Option<String> {
    let reader = Reader::little(value);
    let (bytes, _) = sized(reader, 2).filter(|_| reader.u16(0) == Some(1))?;
    std::str::from_utf8(bytes).ok().map(|argument| text(argument.as_bytes(), MAX_STRING))
}

/// Strings that the code loads.
pub fn user_strings(heaps: &Heaps, dotnet: &mut DotNet) {
    let mut at = 1;
    let mut letters = 0;
    while let Some((bytes, next)) =
        sized(heaps.user_strings, at).filter(|_| dotnet.user_string_count < MAX_USER_STRINGS)
    {
        at = next;
        // A byte that says how the text is compared stands behind it; padding is empty.
        let Some((_, characters)) = bytes.split_last() else { continue };
        dotnet.user_string_count += 1;
        if letters < MAX_LETTERS && dotnet.user_strings.len() < MAX_ROWS {
            let string = text_utf16_whole(characters);
            letters += string.len();
            dotnet.user_strings.push(string);
        }
    }
}

/// A NUL does not end these texts.
fn text_utf16_whole(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(2 * MAX_STRING)];
    let parts = bytes.as_chunks::<2>().0.split(|unit| *unit == [0, 0]);
    parts.map(|part| text_utf16(part.as_flattened(), MAX_STRING)).collect::<Vec<_>>().join("\0")
}

pub fn resources(
    dotnet: &mut DotNet,
    tables: &Tables,
    heaps: &Heaps,
    file: Reader,
    start: Option<u64>,
    budget: &mut Budget,
) {
    let read = |[offset, _, name, implementation, ..]: Row| {
        let mut resource = ManifestResource { name: heaps.name(name), ..ManifestResource::default() };
        // Of no other file or assembly: its length stands before it.
        if let Some(at) = start.filter(|_| implementation == 0).map(|start| start + offset)
            && let Some(size) = file.u32(at)
        {
            let bytes = file.upto(at + 4, u64::from(size));
            resource.offset = Some(at + 4);
            resource.size = bytes.len() as u64;
            resource.entropy = budget.entropy(&bytes[..bytes.len().min(MAX_RESOURCE_MEASURED as usize)]);
            resource.format = budget.identify(bytes);
        }
        resource
    };
    dotnet.resources = tables.rows(MANIFEST_RESOURCE).take(MAX_ROWS).map(read).collect();
    dotnet.resource_count = tables.count(MANIFEST_RESOURCE);
}
