//! CLI header and metadata (ECMA-335, II.24 and II.25): versions, streams, names of module and assembly.

use super::debug::guid;
use super::headers::{DIRECTORY_CLI, Headers};
use crate::facts::DotNet;
use crate::reader::{Reader, text};
use module_kit::Findings;

/// Real assemblies have five or six streams.
const MAX_STREAMS: u64 = 16;
const MAX_NAME: u64 = 512;
const TABLE_MODULE: usize = 0x00;
const TABLE_ASSEMBLY: usize = 0x20;

pub fn parse(headers: &Headers, findings: &mut Findings) -> Option<DotNet> {
    let directory = headers.directory(DIRECTORY_CLI)?;
    let parsed = headers.offset(directory.address).and_then(|at| read(headers, at));
    if parsed.is_none() {
        findings.malformed("cli-header", "The .NET header or its metadata lies outside of the file.");
    }
    parsed
}

fn read(headers: &Headers, at: u64) -> Option<DotNet> {
    let reader = headers.reader;
    let metadata_rva = reader.u32(at + 8)?;
    let root = headers.offset(metadata_rva)?;
    let metadata = Reader::little(reader.upto(root, u64::from(reader.u32(at + 12)?)));
    let mut dotnet =
        DotNet { flags: reader.u32(at + 16)?, entry_point_token: reader.u32(at + 20)?, ..DotNet::default() };
    if metadata.slice(0, 4)? != b"BSJB" {
        return None;
    }
    let version_length = u64::from(metadata.u32(12)?).min(255);
    dotnet.runtime_version = text(metadata.c_string(16, version_length)?, 255);
    let streams = streams(metadata, 16 + version_length);
    dotnet.streams = streams.iter().map(|stream| stream.name.clone()).collect();
    name_module(&mut dotnet, &streams);
    Some(dotnet)
}

struct Stream<'a> {
    name: String,
    data: Reader<'a>,
}

fn streams(metadata: Reader<'_>, at: u64) -> Vec<Stream<'_>> {
    let count = u64::from(metadata.u16(at + 2).unwrap_or(0)).min(MAX_STREAMS);
    let mut at = at + 4;
    let mut streams = Vec::new();
    for _ in 0..count {
        let (Some(offset), Some(size), Some(name)) =
            (metadata.u32(at), metadata.u32(at + 4), metadata.c_string(at + 8, 32))
        else {
            break;
        };
        at += 8 + (name.len() as u64 + 1).next_multiple_of(4);
        let data = Reader::little(metadata.upto(u64::from(offset), u64::from(size)));
        streams.push(Stream { name: text(name, 32), data });
    }
    streams
}

/// Fills in the names if the metadata has tables; what is malformed there leaves them empty.
fn name_module(dotnet: &mut DotNet, streams: &[Stream]) {
    let stream = |name: &str| streams.iter().find(|stream| stream.name == name).map(|stream| stream.data);
    let Some(tables) = stream("#~").or_else(|| stream("#-")).and_then(Tables::parse) else { return };
    let string = |index: u64| {
        let name = stream("#Strings")?.c_string(index, MAX_NAME)?;
        Some(text(name, 512))
    };
    // Module: generation, name, mvid ...; Assembly: hash algorithm, four parts of the version, flags, key, name ...
    if let Some(at) = tables.offset(TABLE_MODULE) {
        dotnet.module_name = tables.index(at + 2, tables.wide_strings).and_then(string).unwrap_or_default();
        let mvid = tables.index(at + 2 + width(tables.wide_strings), tables.wide_guids);
        dotnet.mvid =
            mvid.and_then(|index| stream("#GUID")?.slice(16 * index.checked_sub(1)?, 16)).map(guid).unwrap_or_default();
    }
    if let Some(at) = tables.offset(TABLE_ASSEMBLY) {
        let name_at = at + 16 + width(tables.wide_blobs);
        dotnet.assembly_name = tables.index(name_at, tables.wide_strings).and_then(string).unwrap_or_default();
    }
}

const fn width(wide: bool) -> u64 {
    if wide { 4 } else { 2 }
}

/// A column of a metadata table.
enum Column {
    /// Bytes.
    Fixed(u64),
    String,
    Guid,
    Blob,
    /// Index into one table.
    Index(usize),
    /// Index into one of several tables, of which some low bits choose one.
    Coded(u32, &'static [usize]),
}

use Column::{Blob, Coded, Fixed, Guid, Index};

const TYPE_DEF_OR_REF: Column = Coded(2, &[0x02, 0x01, 0x1b]);
const METHOD_DEF_OR_REF: Column = Coded(1, &[0x06, 0x0a]);
const HAS_CUSTOM_ATTRIBUTE: Column = Coded(
    5,
    &[
        0x06, 0x04, 0x01, 0x02, 0x08, 0x09, 0x0a, 0x00, 0x0e, 0x17, 0x14, 0x11, 0x1a, 0x1b, 0x20, 0x23, 0x26, 0x27,
        0x28, 0x2a, 0x2c, 0x2b,
    ],
);

/// Columns of the tables 0x00 - 0x1f, which stand before the assembly's own; ECMA-335 II.22.
#[rustfmt::skip]
const SCHEMA: [&[Column]; TABLE_ASSEMBLY] = [
    &[Fixed(2), Column::String, Guid, Guid, Guid],                          // Module
    &[Coded(2, &[0x00, 0x1a, 0x23, 0x01]), Column::String, Column::String], // TypeRef
    &[Fixed(4), Column::String, Column::String, TYPE_DEF_OR_REF, Index(0x04), Index(0x06)], // TypeDef
    &[Index(0x04)],                                                         // FieldPtr
    &[Fixed(2), Column::String, Blob],                                      // Field
    &[Index(0x06)],                                                         // MethodPtr
    &[Fixed(8), Column::String, Blob, Index(0x08)],                         // MethodDef
    &[Index(0x08)],                                                         // ParamPtr
    &[Fixed(4), Column::String],                                            // Param
    &[Index(0x02), TYPE_DEF_OR_REF],                                        // InterfaceImpl
    &[Coded(3, &[0x02, 0x01, 0x1a, 0x06, 0x1b]), Column::String, Blob],     // MemberRef
    &[Fixed(2), Coded(2, &[0x04, 0x08, 0x17]), Blob],                       // Constant
    &[HAS_CUSTOM_ATTRIBUTE, Coded(3, &[0x06, 0x0a]), Blob],                 // CustomAttribute
    &[Coded(1, &[0x04, 0x08]), Blob],                                       // FieldMarshal
    &[Fixed(2), Coded(2, &[0x02, 0x06, 0x20]), Blob],                       // DeclSecurity
    &[Fixed(6), Index(0x02)],                                               // ClassLayout
    &[Fixed(4), Index(0x04)],                                               // FieldLayout
    &[Blob],                                                                // StandAloneSig
    &[Index(0x02), Index(0x14)],                                            // EventMap
    &[Index(0x14)],                                                         // EventPtr
    &[Fixed(2), Column::String, TYPE_DEF_OR_REF],                           // Event
    &[Index(0x02), Index(0x17)],                                            // PropertyMap
    &[Index(0x17)],                                                         // PropertyPtr
    &[Fixed(2), Column::String, Blob],                                      // Property
    &[Fixed(2), Index(0x06), Coded(1, &[0x14, 0x17])],                      // MethodSemantics
    &[Index(0x02), METHOD_DEF_OR_REF, METHOD_DEF_OR_REF],                   // MethodImpl
    &[Column::String],                                                      // ModuleRef
    &[Blob],                                                                // TypeSpec
    &[Fixed(2), Coded(1, &[0x04, 0x06]), Column::String, Index(0x1a)],      // ImplMap
    &[Fixed(4), Index(0x04)],                                               // FieldRVA
    &[Fixed(8)],                                                            // EncLog
    &[Fixed(4)],                                                            // EncMap
];

/// The `#~` stream.
struct Tables<'a> {
    reader: Reader<'a>,
    rows: [u64; 64],
    data: u64,
    wide_strings: bool,
    wide_guids: bool,
    wide_blobs: bool,
}

impl<'a> Tables<'a> {
    fn parse(reader: Reader<'a>) -> Option<Self> {
        let heaps = reader.u8(6)?;
        let valid = reader.u64(8)?;
        let mut rows = [0; 64];
        let mut data = 24;
        for (table, count) in rows.iter_mut().enumerate() {
            if valid >> table & 1 != 0 {
                *count = u64::from(reader.u32(data)?);
                data += 4;
            }
        }
        // A bit that is not in the standard: four more bytes before the tables (edit-and-continue, obfuscators).
        data += if heaps & 0x40 != 0 { 4 } else { 0 };
        let [wide_strings, wide_guids, wide_blobs] = [1, 2, 4].map(|bit| heaps & bit != 0);
        Some(Self { reader, rows, data, wide_strings, wide_guids, wide_blobs })
    }

    /// Offset of the first row of a table up to 0x20; None if it has no rows.
    fn offset(&self, table: usize) -> Option<u64> {
        let before = SCHEMA.iter().zip(&self.rows).take(table);
        let sizes = before.map(|(columns, rows)| rows * columns.iter().map(|column| self.width(column)).sum::<u64>());
        (self.rows[table] > 0).then(|| self.data + sizes.sum::<u64>())
    }

    fn width(&self, column: &Column) -> u64 {
        match column {
            Fixed(bytes) => *bytes,
            Column::String => width(self.wide_strings),
            Guid => width(self.wide_guids),
            Blob => width(self.wide_blobs),
            Index(table) => width(self.rows[*table] > 0xffff),
            Coded(bits, tables) => width(tables.iter().any(|&table| self.rows[table] > 0xffff >> bits)),
        }
    }

    fn index(&self, at: u64, wide: bool) -> Option<u64> {
        if wide { self.reader.u32(at).map(u64::from) } else { self.reader.u16(at).map(u64::from) }
    }
}
