//! Everything that `analyze` says of a sample.

use module_kit::{Finding, Findings, Severity};
use serde::Serialize;

use crate::algorithms::{self, Algorithm, Collector};
use crate::alphabet::{self, Alphabet};
use crate::apis::{self, Api, Apis};
use crate::keys::{self, Key, Keys};
use crate::loops;
use crate::options::Analyze;
use crate::regions::{self, Region};
use crate::scan::{Index, Target};
use crate::tables::Category;
use crate::texts::{Kind, TEXTS};
use crate::xor::{self, Guess};

#[derive(Debug, Serialize)]
pub struct Facts {
    /// Bytes.
    pub size: u64,
    pub algorithms: Vec<Algorithm>,
    pub alphabets: Vec<Alphabet>,
    pub apis: Vec<Api>,
    pub keys: Vec<Key>,
    pub keys_left_out: u64,
    pub regions: Vec<Region>,
    pub xor: Vec<Guess>,
    pub xor_left_out: u64,
}

pub fn analyze(data: &[u8], options: &Analyze) -> (Facts, Vec<Finding>) {
    let (algorithms, apis, keys) = scan(data);
    let (xor, xor_left_out) = if options.xor { xor::guess(data) } else { Default::default() };
    let alphabets = alphabet::find(data);
    let regions = if options.regions { regions::find(data) } else { Vec::new() };
    let mut findings = Findings::default();
    algorithms::judge(&algorithms, &mut findings);
    alphabet::judge(&alphabets, &mut findings);
    apis::judge(&apis, &mut findings);
    keys::judge(&keys, &mut findings);
    regions::judge(&regions, &mut findings);
    xor::judge(&xor, &mut findings);
    if keys.cut {
        let title = "Not all of the sample could be looked at";
        findings.add(
            Finding::new("unread-parts", Severity::Low, 100, title).detail("There is more that begins as keys do."),
        );
    }
    let (keys, keys_left_out) = (keys.found, keys.left_out);
    let size = data.len() as u64;
    (
        Facts { size, algorithms, alphabets, apis, keys, keys_left_out, regions, xor, xor_left_out },
        findings.into_sorted(),
    )
}

fn scan(data: &[u8]) -> (Vec<Algorithm>, Vec<Api>, Keys) {
    let (mut collector, mut apis, mut keys) = (Collector::default(), Apis::default(), Keys::default());
    keys.find_der(data);
    Index::new().scan(data, |start, target| match target {
        Target::Table(index, layout) => collector.table(data, start, index, layout),
        Target::Word(set, word) => collector.word(data, start, set, word),
        Target::Bound => {
            if let Some((start, length)) = loops::rc4_key_schedule(data, start) {
                collector.code("RC4", Category::StreamCipher, loops::KEY_SCHEDULE, start, length);
            }
        }
        Target::Text(index, wide) => {
            let Some(text) = TEXTS.get(index).filter(|text| is_there(data, start, text.bytes, wide)) else { return };
            match text.kind {
                Kind::Api(..) => apis.add(data, start, index, wide),
                Kind::Constant(algorithm, category, what) => {
                    collector.bytes(algorithm, category, what, start, text.bytes.len());
                }
                Kind::Key(_) if wide => keys.wide_pem(data, start),
                Kind::Key(marker) => keys.marker(data, start, marker),
            }
        }
    });
    keys.sort();
    (collector.finish(), apis.finish(), keys)
}

fn is_there(data: &[u8], start: usize, text: &[u8], wide: bool) -> bool {
    let rest = data.get(start..).unwrap_or_default();
    if wide {
        let (pairs, _) = rest.as_chunks::<2>();
        pairs.len() >= text.len() && pairs.iter().zip(text).all(|(pair, &byte)| *pair == [byte, 0])
    } else {
        rest.starts_with(text)
    }
}
