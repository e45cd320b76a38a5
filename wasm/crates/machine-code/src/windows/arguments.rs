//! Arguments of calls: read by the convention, told as texts where they point at one.

use crate::emulator::{CX, Cpu, DX, SP};
use crate::limits::MAX_ARGUMENT;

/// Shorter texts may be numbers by chance.
const SHORTEST: usize = 3;

/// The n-th argument, before the called function has run.
pub fn argument(cpu: &mut Cpu, index: u64) -> u64 {
    let registers = [cpu.registers[CX], cpu.registers[DX], cpu.registers[8], cpu.registers[9]];
    let width: u64 = if cpu.bits == 64 { 8 } else { 4 };
    if cpu.bits == 64
        && let Some(&value) = registers.get(index as usize)
    {
        return value;
    }
    let at = cpu.registers[SP].wrapping_add(width * (index + 1));
    cpu.memory.read(at, width as usize).map_or(0, |value| value as u64)
}

/// What a value is for people: the text that it points at, or a number.
pub fn shown(cpu: &mut Cpu, value: u64) -> String {
    match text_at(cpu, value) {
        Some(text) => format!("{text:?}"),
        None if value < 10 => value.to_string(),
        None => format!("0x{value:x}"),
    }
}

/// A text of either kind that is long enough and readable to its end.
pub fn text_at(cpu: &mut Cpu, address: u64) -> Option<String> {
    if address < 0x1_0000 || !cpu.memory.exists(address) {
        return None;
    }
    let narrow = cpu.memory.text(address, MAX_ARGUMENT);
    if narrow.len() >= SHORTEST && narrow.iter().all(|&byte| crate::disassembly::is_text(byte)) {
        return Some(String::from_utf8_lossy(&narrow).into_owned());
    }
    let wide = cpu.memory.wide_text(address, MAX_ARGUMENT);
    let is_text = |letter: char| letter.is_ascii_graphic() || letter == ' ';
    (wide.chars().count() >= SHORTEST && wide.chars().all(is_text)).then_some(wide)
}

/// A text that must be one, however short.
pub fn text(cpu: &mut Cpu, address: u64, is_wide: bool) -> String {
    if is_wide {
        return cpu.memory.wide_text(address, MAX_ARGUMENT);
    }
    let bytes = cpu.memory.text(address, MAX_ARGUMENT);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An address of the internet: family, port, and four or sixteen bytes.
pub fn socket_address(cpu: &mut Cpu, address: u64) -> Option<String> {
    let bytes = cpu.memory.copy(address, 28);
    let family = u16::from_le_bytes([*bytes.first()?, *bytes.get(1)?]);
    let port = u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]);
    match family {
        2 => {
            let host: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            Some(format!("{}:{port}", std::net::Ipv4Addr::from(host)))
        }
        10 | 23 => {
            let host: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
            Some(format!("[{}]:{port}", std::net::Ipv6Addr::from(host)))
        }
        _ => None,
    }
}
