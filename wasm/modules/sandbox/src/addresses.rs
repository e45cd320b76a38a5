//! Addresses that machine code puts together or decodes, and that the sample's bytes do not show.

use machine_code::facts::{CodeString, Machine};
use module_kit::{Finding, Findings, Severity, counted};
use network::Kind;
use serde::Serialize;

/// Most that are listed, ...
const MAX_ADDRESSES: usize = 256;
/// ... of one text, ...
const MAX_OF_TEXT: usize = 16;
/// ... and that a finding quotes.
const MAX_QUOTES: usize = 8;

/// An indicator of compromise; `address` of the instruction, or of the function, that makes its text.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Address {
    pub kind: Kind,
    pub value: String,
    pub address: u64,
}

/// Those that lead somewhere, each once.
pub fn made(machine: &Machine, data: &[u8]) -> Vec<Address> {
    let mut found: Vec<Address> = Vec::new();
    let of_runs = machine.runs.iter().flat_map(|run| &run.strings);
    for CodeString { address, text } in machine.stack_strings.iter().chain(of_runs) {
        for (kind, value) in network::indicators_in(text.as_bytes(), MAX_OF_TEXT) {
            let is_new = is_reached(kind) && found.iter().all(|other| other.value != value);
            if is_new && found.len() < MAX_ADDRESSES && !is_shown(data, &value) {
                found.push(Address { kind, value, address: *address });
            }
        }
    }
    found
}

/// Where something is, rather than what is on this machine: paths are put together by honest code too.
const fn is_reached(kind: Kind) -> bool {
    use Kind::{Bitcoin, Domain, Email, Ethereum, Ipv4, Ipv6, Onion, Url};
    matches!(kind, Url | Domain | Onion | Ipv4 | Ipv6 | Email | Bitcoin | Ethereum)
}

fn is_shown(data: &[u8], value: &str) -> bool {
    let wide: Vec<u8> = value.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [value.as_bytes(), &wide].iter().any(|form| memchr::memmem::find(data, form).is_some())
}

pub fn judge(made: &[Address], machine: &Machine, findings: &mut Findings) {
    let Some(first) = made.first() else { return };
    // The host of an address is in it.
    let told = made.iter().filter(|part| !made.iter().any(|whole| whole != *part && whole.value.contains(&part.value)));
    let title = "Code makes addresses that the file does not show";
    let finding = Finding::new("hidden-addresses", Severity::Medium, 85, title)
        .detail(format!("Emulating it gave {}.", counted(made.len(), "indicator")))
        .quotes(told.take(MAX_QUOTES).map(|address| &address.value))
        .techniques(&["T1027"]);
    findings.add(match offset(machine, first.address) {
        Some(offset) => finding.at(offset, 1),
        None => finding,
    });
}

/// In the sample, of an address within a function.
fn offset(machine: &Machine, address: u64) -> Option<u64> {
    let distances = machine.functions.iter().filter_map(|function| {
        let distance = address.checked_sub(function.address)?;
        (distance < function.size).then(|| function.offset.saturating_add(distance))
    });
    distances.min()
}
