//! Tables of the metadata (ECMA-335, II.22 and II.24.2.6).

use crate::reader::Reader;

pub const MODULE: usize = 0x00;
pub const TYPE_REF: usize = 0x01;
pub const TYPE_DEF: usize = 0x02;
pub const METHOD_DEF: usize = 0x06;
pub const MEMBER_REF: usize = 0x0a;
pub const CUSTOM_ATTRIBUTE: usize = 0x0c;
pub const MODULE_REF: usize = 0x1a;
pub const IMPL_MAP: usize = 0x1c;
pub const ASSEMBLY: usize = 0x20;
pub const ASSEMBLY_REF: usize = 0x23;
pub const MANIFEST_RESOURCE: usize = 0x28;

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

const IMPLEMENTATION: Column = Coded(2, &[0x26, 0x23, 0x27]);

/// Columns of the tables by their numbers; ECMA-335 II.22.
#[rustfmt::skip]
const SCHEMA: [&[Column]; 0x2d] = [
    &[Fixed(2), Column::String, Guid, Guid, Guid],                          // Module
    &[Coded(2, &[0x00, 0x1a, 0x23, 0x01]), Column::String, Column::String], // TypeRef
    &[Fixed(4), Column::String, Column::String, TYPE_DEF_OR_REF, Index(0x04), Index(0x06)], // TypeDef
    &[Index(0x04)],                                                         // FieldPtr
    &[Fixed(2), Column::String, Blob],                                      // Field
    &[Index(0x06)],                                                         // MethodPtr
    &[Fixed(4), Fixed(4), Column::String, Blob, Index(0x08)],               // MethodDef
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
    &[Fixed(4), Fixed(8), Fixed(4), Blob, Column::String, Column::String],  // Assembly
    &[Fixed(4)],                                                            // AssemblyProcessor
    &[Fixed(12)],                                                           // AssemblyOS
    &[Fixed(8), Fixed(4), Blob, Column::String, Column::String, Blob],      // AssemblyRef
    &[Fixed(4), Index(0x23)],                                               // AssemblyRefProcessor
    &[Fixed(12), Index(0x23)],                                              // AssemblyRefOS
    &[Fixed(4), Column::String, Blob],                                      // File
    &[Fixed(8), Column::String, Column::String, IMPLEMENTATION],            // ExportedType
    &[Fixed(4), Fixed(4), Column::String, IMPLEMENTATION],                  // ManifestResource
    &[Index(0x02), Index(0x02)],                                            // NestedClass
    &[Fixed(4), Coded(1, &[0x02, 0x06]), Column::String],                   // GenericParam
    &[METHOD_DEF_OR_REF, Blob],                                             // MethodSpec
    &[Index(0x2a), TYPE_DEF_OR_REF],                                        // GenericParamConstraint
];

/// The most columns that a table has.
const MAX_COLUMNS: usize = 6;

/// The `#~` stream.
pub struct Tables<'a> {
    reader: Reader<'a>,
    rows: [u64; 64],
    /// Offset of each table's first row, and bytes of a row.
    places: [(u64, u64); SCHEMA.len()],
    wide_strings: bool,
    wide_guids: bool,
    wide_blobs: bool,
}

/// The columns of a row; what is beyond the table's own is 0.
pub type Row = [u64; MAX_COLUMNS];

impl<'a> Tables<'a> {
    pub fn parse(reader: Reader<'a>) -> Option<Self> {
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
        let places = [(0, 0); SCHEMA.len()];
        let mut tables = Self { reader, rows, places, wide_strings, wide_guids, wide_blobs };
        for (table, columns) in SCHEMA.iter().enumerate() {
            let width = columns.iter().map(|column| tables.width(column)).sum::<u64>();
            tables.places[table] = (data, width);
            data += width * rows[table];
        }
        Some(tables)
    }

    /// Rows that a table has: what is announced beyond the end of the stream is not there.
    pub fn count(&self, table: usize) -> u64 {
        let (at, width) = self.places[table];
        self.rows[table].min(self.reader.len().saturating_sub(at) / width.max(1))
    }

    /// Whether more rows are announced than are there.
    pub fn is_cut(&self, table: usize) -> bool {
        self.count(table) < self.rows[table]
    }

    /// A row by its number, which counts from 1.
    pub fn row(&self, table: usize, number: u64) -> Option<Row> {
        let (at, width) = self.places[table];
        let mut at = at + width * number.checked_sub(1).filter(|&index| index < self.rows[table])?;
        let mut row = [0; MAX_COLUMNS];
        for (value, column) in row.iter_mut().zip(SCHEMA[table]) {
            let width = self.width(column);
            *value = match width {
                2 => u64::from(self.reader.u16(at)?),
                4 => u64::from(self.reader.u32(at)?),
                _ => self.reader.u64(at)?,
            };
            at += width;
        }
        Some(row)
    }

    pub fn rows(&self, table: usize) -> impl Iterator<Item = Row> {
        (1..=self.count(table)).map_while(move |number| self.row(table, number))
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
}
