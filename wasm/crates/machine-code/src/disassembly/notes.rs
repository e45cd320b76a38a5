//! What is noted of instructions on the way: unusual ones, numbers, references to data.

use std::collections::BTreeMap;

use iced_x86::{Code, Instruction, Mnemonic, OpKind, Register};

use crate::limits::{MAX_NUMBERS, MAX_REFERENCES};

#[derive(Default)]
pub struct Notes {
    /// By kind: the first one's address, and how many there are.
    pub marks: BTreeMap<&'static str, (u64, u32)>,
    /// Numbers that are no addresses, with the instruction's address.
    pub numbers: Vec<(u64, u32)>,
    /// Instructions and the data that they refer to.
    pub data: Vec<(u64, u64)>,
}

impl Notes {
    pub fn mark(&mut self, kind: &'static str, address: u64) {
        self.marks.entry(kind).or_insert((address, 0)).1 += 1;
    }

    pub fn number(&mut self, site: u64, number: u64) {
        if let Ok(number) = u32::try_from(number)
            && number > 0xffff
            && number < 0xffff_0000
            && self.numbers.len() < MAX_NUMBERS
        {
            self.numbers.push((site, number));
        }
    }

    pub fn data(&mut self, site: u64, address: u64) {
        if self.data.len() < MAX_REFERENCES {
            self.data.push((site, address));
        }
    }

    pub fn interrupt(&mut self, instruction: &Instruction) {
        let kind = match instruction.mnemonic() {
            Mnemonic::Int => match instruction.immediate8() {
                0x2d => "int-2d",
                0x2e => "int-2e",
                0x80 => "int-80",
                3 => "int-3-long",
                _ => return,
            },
            Mnemonic::Int1 => "int1",
            _ => return,
        };
        self.mark(kind, instruction.ip());
    }

    pub fn plain(&mut self, instruction: &Instruction, bits: u32) {
        let address = instruction.ip();
        let kind = match instruction.mnemonic() {
            Mnemonic::Rdtsc | Mnemonic::Rdtscp => "rdtsc",
            Mnemonic::Rdpmc => "rdpmc",
            Mnemonic::Cpuid => "cpuid",
            Mnemonic::Sidt => "sidt",
            Mnemonic::Sgdt => "sgdt",
            Mnemonic::Sldt => "sldt",
            Mnemonic::Str => "str",
            Mnemonic::Smsw => "smsw",
            Mnemonic::Syscall => "syscall",
            Mnemonic::Sysenter => "sysenter",
            Mnemonic::In => "in",
            Mnemonic::Fnstenv | Mnemonic::Fstenv if instruction.memory_base().full_register() == Register::RSP => {
                "getpc-fnstenv"
            }
            Mnemonic::Mov | Mnemonic::Cmp if is_hypervisor_word(instruction) => "vmware-word",
            _ if is_peb(instruction, bits) => "peb",
            _ => return,
        };
        self.mark(kind, address);
    }
}

/// `VMXh`, which VMware's port wants to see.
fn is_hypervisor_word(instruction: &Instruction) -> bool {
    instruction.op1_kind() == OpKind::Immediate32 && instruction.immediate32() == 0x564d_5868
}

/// The thread's pointer to the process environment block.
fn is_peb(instruction: &Instruction, bits: u32) -> bool {
    let (segment, place) = if bits == 64 { (Register::GS, 0x60) } else { (Register::FS, 0x30) };
    if instruction.segment_prefix() != segment {
        return false;
    }
    // A register may have the place: `mov esi, fs:[edx+30h]`.
    let is_load = matches!(instruction.op1_kind(), OpKind::Memory) && instruction.memory_segment() == segment;
    is_load && instruction.memory_displacement64() == place && instruction.code() != Code::INVALID
}
