//! Code signatures of Mach-O: what the code directory says, whether the pages of the file have its hashes, and who signed
//! it (cs_blobs.h of Apple's XNU).

use super::Header;
use crate::budget::Budget;
use crate::facts::Signature;
use crate::facts::signing::{Check, CodeDirectory};
use crate::options::Analyze;
use crate::pe::common_names;
use crate::reader::{Reader, text};
use crate::signature::{Effort, Hash, SignedData};
use module_kit::hex;

const SUPER_BLOB: u32 = 0xfade_0cc0;
const CODE_DIRECTORY: u32 = 0xfade_0c02;
const WRAPPER: u32 = 0xfade_0b01;
/// Blobs of one signature: real ones have below ten.
const MAX_BLOBS: u32 = 64;
/// The hash by which a signature is known has so many bytes, whatever the algorithm.
const CD_HASH: usize = 20;
const HAS_TEAM: u32 = 0x2_0200;
const ADHOC: u32 = 0x2;

/// `blob` is the signature, which is big-endian in every image.
pub fn read(header: &Header, offset: u64, size: u64, blob: &[u8], options: &Analyze, budget: &mut Budget) -> Signature {
    let mut signature =
        Signature { kind: "code-signature", offset, size, subjects: common_names(blob), ..Signature::default() };
    let blobs = blobs(Reader::big(blob));
    let directories = blobs.iter().filter(|blob| Reader::big(blob).u32(0) == Some(CODE_DIRECTORY));
    let mut directories: Vec<_> = directories.filter_map(|blob| directory(header, blob, options, budget)).collect();
    let cms = blobs.iter().filter(|blob| Reader::big(blob).u32(0) == Some(WRAPPER)).find_map(|blob| blob.get(8..));
    if let Some(cms) = cms.filter(|cms| !cms.is_empty()).and_then(SignedData::parse) {
        let now = options.now.and_then(|now| i64::try_from(now).ok());
        let mut effort = Effort::for_file(options.quick);
        // The first directory is what is signed, whichever others there are.
        let content = blobs.iter().find(|blob| Reader::big(blob).u32(0) == Some(CODE_DIRECTORY)).copied();
        for signer in &cms.signers {
            let mut facts = cms.facts(signer, content.unwrap_or_default(), now, &mut effort);
            facts.file = directories.first().map_or(Check::NotChecked, |(_, directory)| directory.pages);
            signature.signers.push(facts);
        }
    }
    directories.sort_by_key(|(hash, _)| std::cmp::Reverse(*hash));
    // The strongest hash is the one that the system takes.
    signature.directory = directories.into_iter().next().map(|(_, directory)| directory);
    signature
}

fn blobs(reader: Reader<'_>) -> Vec<&[u8]> {
    if reader.u32(0) != Some(SUPER_BLOB) {
        return Vec::new();
    }
    let count = reader.u32(8).unwrap_or(0).min(MAX_BLOBS);
    let blob = |index: u32| {
        let at = u64::from(reader.u32(12 + 8 * u64::from(index) + 4)?);
        reader.slice(at, u64::from(reader.u32(at + 4)?))
    };
    (0..count).map_while(blob).collect()
}

fn directory(header: &Header, blob: &[u8], options: &Analyze, budget: &mut Budget) -> Option<(Hash, CodeDirectory)> {
    let reader = Reader::big(blob);
    let (version, flags) = (reader.u32(8)?, reader.u32(12)?);
    let (hashes, identifier) = (reader.u32(16)?, reader.u32(20)?);
    let hash = match reader.u8(37)? {
        1 => Hash::Sha1,
        2 | 3 => Hash::Sha256,
        4 => Hash::Sha384,
        _ => return None,
    };
    let string = |at: u32| reader.c_string(u64::from(at), 256).map(|bytes| text(bytes, 256)).unwrap_or_default();
    let team = if version >= HAS_TEAM { reader.u32(48).filter(|&at| at != 0) } else { None };
    let digest = if budget.spend(blob.len() as u64) { hash.of(blob) } else { Vec::new() };
    let pages = if options.quick { None } else { check_pages(header, reader, u64::from(hashes), hash, budget) };
    let directory = CodeDirectory {
        identifier: string(identifier),
        team: team.map(string).unwrap_or_default(),
        cdhash: hex(&digest[..digest.len().min(CD_HASH)]),
        digest: hash.name(),
        adhoc: flags & ADHOC != 0,
        pages: match pages {
            None => Check::NotChecked,
            Some(true) => Check::Valid,
            Some(false) => Check::Invalid,
        },
    };
    Some((hash, directory))
}

/// Whether each page of the image has the hash that stands in the directory.
fn check_pages(header: &Header, directory: Reader, hashes: u64, hash: Hash, budget: &mut Budget) -> Option<bool> {
    let (count, limit) = (u64::from(directory.u32(28)?), u64::from(directory.u32(32)?));
    let (size, page) = (u64::from(directory.u8(36)?), directory.u8(39)?);
    let code = header.reader.slice(0, limit).filter(|_| budget.spend(limit))?;
    // Without pages, the whole is one.
    let page = if page == 0 { code.len() } else { 1_usize.checked_shl(u32::from(page)).filter(|_| page < 32)? };
    let pages = code.chunks(page.max(256));
    if size == 0 || size > 64 || count != pages.len() as u64 {
        return Some(false);
    }
    let stated = directory.slice(hashes, count * size)?.chunks(usize::try_from(size).ok()?);
    Some(pages.zip(stated).all(|(page, stated)| hash.of(page).starts_with(stated)))
}
