//! What single instructions say of addresses and data.

use iced_x86::{Instruction, Mnemonic, OpKind, Register};

/// Of memory that an instruction names without a register, or beside the instruction pointer.
pub fn address_of(instruction: &Instruction) -> Option<u64> {
    let base = instruction.memory_base();
    let has_memory = instruction.op0_kind() == OpKind::Memory || instruction.op1_kind() == OpKind::Memory;
    if !has_memory || instruction.memory_index() != Register::None {
        return None;
    }
    let is_address = matches!(base, Register::None | Register::RIP | Register::EIP)
        && !matches!(instruction.segment_prefix(), Register::FS | Register::GS);
    is_address.then(|| instruction.memory_displacement64())
}

/// A number of 32 bits and more that is loaded, pushed or compared with.
pub fn number_of(instruction: &Instruction) -> Option<u64> {
    let operand = match instruction.mnemonic() {
        Mnemonic::Push => 0,
        Mnemonic::Mov | Mnemonic::Cmp => 1,
        _ => return None,
    };
    match instruction.op_kind(operand) {
        OpKind::Immediate32 => Some(u64::from(instruction.immediate32())),
        OpKind::Immediate64 => Some(instruction.immediate64()),
        OpKind::Immediate32to64 => Some(instruction.immediate32() as u64),
        _ => None,
    }
}

/// Of a general register: 0 for `al`, `ax`, `eax` and `rax`.
pub fn number(register: Register) -> usize {
    register.full_register().number() & 15
}

/// Arithmetic on bytes in memory, or on a register that is not merely cleared: what decoders do in their loop.
pub fn changes_data(instruction: &Instruction) -> bool {
    let is_change = matches!(
        instruction.mnemonic(),
        Mnemonic::Xor | Mnemonic::Rol | Mnemonic::Ror | Mnemonic::Not | Mnemonic::Sub | Mnemonic::Add
    );
    match instruction.op0_kind() {
        OpKind::Memory => is_change && instruction.memory_base() != Register::None,
        OpKind::Register => {
            instruction.mnemonic() == Mnemonic::Xor
                && (instruction.op1_kind() != OpKind::Register
                    || instruction.op0_register() != instruction.op1_register())
        }
        _ => false,
    }
}

/// A number of readable characters that is written beside the stack or frame pointer, or pushed.
pub fn stores_text_on_stack(instruction: &Instruction) -> bool {
    let number = match instruction.mnemonic() {
        Mnemonic::Push if instruction.op0_kind() == OpKind::Immediate32 => instruction.immediate32(),
        Mnemonic::Mov if instruction.op0_kind() == OpKind::Memory => {
            let base = instruction.memory_base().full_register();
            if !matches!(base, Register::RSP | Register::RBP) {
                return false;
            }
            match instruction.op1_kind() {
                OpKind::Immediate8 => u32::from(instruction.immediate8()),
                OpKind::Immediate16 => u32::from(instruction.immediate16()),
                OpKind::Immediate32 | OpKind::Immediate32to64 => instruction.immediate32(),
                _ => return false,
            }
        }
        _ => return false,
    };
    let is_text = |byte: u8| byte == 0 || (0x20..0x7f).contains(&byte);
    number != 0 && number.to_le_bytes().into_iter().all(is_text) && number.to_le_bytes()[0] >= 0x20
}
