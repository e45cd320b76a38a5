//! CLI header and metadata (ECMA-335, II.24 and II.25): versions, streams, and what the tables say.

mod contents;
mod heaps;
mod marks;
mod tables;

use super::headers::{DIRECTORY_CLI, Headers};
use crate::budget::Budget;
use crate::facts::dotnet::DotNet;
use crate::options::Analyze;
use crate::reader::{Reader, text};
use heaps::Heaps;
use module_kit::Findings;
use tables::Tables;

/// Real assemblies have five or six streams.
const MAX_STREAMS: u64 = 16;

pub fn parse(headers: &Headers, options: &Analyze, budget: &mut Budget, findings: &mut Findings) -> Option<DotNet> {
    let directory = headers.directory(DIRECTORY_CLI)?;
    let parsed = headers.offset(directory.address).and_then(|at| read(headers, at, options, budget, findings));
    if parsed.is_none() {
        findings.malformed("cli-header", "The .NET header or its metadata lies outside of the file.");
    }
    parsed
}

fn read(headers: &Headers, at: u64, options: &Analyze, budget: &mut Budget, findings: &mut Findings) -> Option<DotNet> {
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
    let stream = |name: &str| streams.iter().find(|stream| stream.name == name).map(|stream| stream.data);
    let heaps = Heaps {
        strings: stream("#Strings").unwrap_or(Reader::little(&[])),
        guids: stream("#GUID").unwrap_or(Reader::little(&[])),
        blobs: stream("#Blob").unwrap_or(Reader::little(&[])),
        user_strings: stream("#US").unwrap_or(Reader::little(&[])),
    };
    let tables = stream("#~").or_else(|| stream("#-")).and_then(Tables::parse);
    if !options.quick {
        contents::user_strings(&heaps, &mut dotnet);
    }
    if let Some(tables) = tables {
        let resources_at = reader.u32(at + 24).and_then(|rva| headers.offset(rva));
        contents::read(&mut dotnet, &tables, &heaps);
        contents::resources(&mut dotnet, &tables, &heaps, reader, resources_at, budget);
        dotnet.obfuscators = marks::obfuscators(&tables, &heaps, &dotnet);
        if (tables::MODULE..=tables::MANIFEST_RESOURCE).any(|table| tables.is_cut(table)) {
            findings.malformed("metadata-tables", "Tables of the .NET metadata lie outside of the file.");
        }
    }
    dotnet.cut();
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
