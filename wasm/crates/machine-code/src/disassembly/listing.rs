//! Lines of disassembly for people.

use iced_x86::{Decoder, DecoderOptions, Formatter, Instruction, IntelFormatter, OpKind};
use module_kit::hex;

use super::{flow, string_at};
use crate::facts::Line;
use crate::limits::MAX_LINES;
use crate::view::View;

/// What is to be listed.
pub struct List {
    pub address: u64,
    pub count: usize,
    /// Other than the image's.
    pub bits: Option<u32>,
}

/// Line by line from the address on; bytes that are no instruction have a line `(bad)` each.
#[must_use]
pub fn lines(view: &View, list: &List) -> Vec<Line> {
    let bits = list.bits.unwrap_or(view.bits());
    let mut decoder = Decoder::with_ip(bits, view.bytes(list.address), list.address, DecoderOptions::NONE);
    let mut formatter = formatter();
    let mut lines = Vec::new();
    while decoder.can_decode() && lines.len() < list.count.min(MAX_LINES) {
        let at = decoder.ip();
        let mut instruction = decoder.decode();
        if instruction.is_invalid() {
            // One byte: what follows may be code again.
            let next = at.wrapping_add(1);
            if decoder.set_position(usize::try_from(next - list.address).unwrap_or(usize::MAX)).is_err() {
                break;
            }
            decoder.set_ip(next);
            lines.push(Line {
                address: at,
                bytes: hex(&view.bytes(at)[..1]),
                text: "(bad)".to_owned(),
                note: String::new(),
            });
            continue;
        }
        lines.push(line(view, &mut instruction, &mut formatter));
    }
    lines
}

pub fn formatter() -> IntelFormatter {
    let mut formatter = IntelFormatter::new();
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_space_after_operand_separator(true);
    options.set_small_hex_numbers_in_decimal(false);
    options.set_branch_leading_zeros(false);
    options.set_show_branch_size(false);
    options.set_rip_relative_addresses(true);
    formatter
}

fn line(view: &View, instruction: &mut Instruction, formatter: &mut IntelFormatter) -> Line {
    let mut text = String::new();
    formatter.format(instruction, &mut text);
    let bytes = view.bytes(instruction.ip());
    let bytes = hex(&bytes[..instruction.len().min(bytes.len())]);
    Line { address: instruction.ip(), bytes, text, note: note(view, instruction) }
}

/// What the address in the instruction is: an imported function, a named one, a string.
fn note(view: &View, instruction: &Instruction) -> String {
    let is_branch =
        matches!(instruction.op0_kind(), OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64);
    let branch = is_branch.then(|| instruction.near_branch_target());
    let Some(address) = branch.or_else(|| flow::address_of(instruction)).or_else(|| flow::number_of(instruction))
    else {
        return String::new();
    };
    let named = view.image.slots.iter().chain(&view.image.functions).find(|named| named.address == address);
    match named.filter(|named| !named.name.is_empty()) {
        Some(named) if named.library.is_empty() => named.name.clone(),
        Some(named) => format!("{}!{}", named.library, named.name),
        None if is_branch => String::new(),
        None => string_at(view.bytes(address)).map_or_else(String::new, |text| format!("{text:?}")),
    }
}
