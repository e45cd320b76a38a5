//! Calls of Linux' kernel by code that makes them itself.

use std::rc::Rc;

use crate::emulator::{AX, BP, BX, CX, Cpu, DI, DX, SI};
use crate::facts::SystemCall;
use crate::limits::{MAX_CALLS, STEPS_OF_CALL};
use crate::windows::arguments::{shown, socket_address};

/// Numbers, names and counts of arguments in 32 bits.
const NARROW: [(u64, &str, usize); 41] = [
    (1, "exit", 1),
    (2, "fork", 0),
    (3, "read", 3),
    (4, "write", 3),
    (5, "open", 3),
    (6, "close", 1),
    (7, "waitpid", 3),
    (8, "creat", 2),
    (10, "unlink", 1),
    (11, "execve", 3),
    (12, "chdir", 1),
    (13, "time", 1),
    (15, "chmod", 2),
    (20, "getpid", 0),
    (21, "mount", 5),
    (23, "setuid", 1),
    (26, "ptrace", 4),
    (37, "kill", 2),
    (39, "mkdir", 2),
    (46, "setgid", 1),
    (54, "ioctl", 3),
    (61, "chroot", 1),
    (63, "dup2", 2),
    (70, "setreuid", 2),
    (88, "reboot", 4),
    (90, "mmap", 1),
    (102, "socketcall", 2),
    (114, "wait4", 4),
    (125, "mprotect", 3),
    (162, "nanosleep", 2),
    (164, "setresuid", 3),
    (192, "mmap2", 6),
    (203, "setreuid32", 2),
    (213, "setuid32", 1),
    (252, "exit_group", 1),
    (330, "dup3", 3),
    (356, "memfd_create", 2),
    (359, "socket", 3),
    (361, "bind", 3),
    (362, "connect", 3),
    (363, "listen", 2),
];
const WIDE: [(u64, &str, usize); 38] = [
    (0, "read", 3),
    (1, "write", 3),
    (2, "open", 3),
    (3, "close", 1),
    (9, "mmap", 6),
    (10, "mprotect", 3),
    (16, "ioctl", 3),
    (32, "dup", 1),
    (33, "dup2", 2),
    (35, "nanosleep", 2),
    (39, "getpid", 0),
    (41, "socket", 3),
    (42, "connect", 3),
    (43, "accept", 3),
    (44, "sendto", 6),
    (45, "recvfrom", 6),
    (49, "bind", 3),
    (50, "listen", 2),
    (56, "clone", 5),
    (57, "fork", 0),
    (58, "vfork", 0),
    (59, "execve", 3),
    (60, "exit", 1),
    (61, "wait4", 4),
    (62, "kill", 2),
    (80, "chdir", 1),
    (83, "mkdir", 2),
    (87, "unlink", 1),
    (90, "chmod", 2),
    (101, "ptrace", 4),
    (105, "setuid", 1),
    (106, "setgid", 1),
    (113, "setreuid", 2),
    (161, "chroot", 1),
    (231, "exit_group", 1),
    (292, "dup3", 3),
    (319, "memfd_create", 2),
    (322, "execveat", 5),
];
/// Calls that `socketcall` stands for.
const SOCKET_CALLS: [(&str, usize); 5] = [("socket", 3), ("bind", 3), ("connect", 3), ("listen", 2), ("accept", 3)];
/// Where memory that the program asks for begins.
const HEAP: u64 = 0x1800_0000;
const MAX_HEAP: u64 = 64 << 20;

#[derive(Default)]
pub struct Linux {
    pub calls: Vec<SystemCall>,
    heap: u64,
}

impl Linux {
    /// Does the call; false if it is none that code makes, or the program's end.
    pub fn call(&mut self, cpu: &mut Cpu) -> bool {
        let wide = cpu.bits == 64;
        let number = cpu.registers[AX] & 0xffff_ffff;
        let table: &[(u64, &str, usize)] = if wide { &WIDE } else { &NARROW };
        let Some(&(_, name, count)) = table.iter().find(|(known, _, _)| *known == number) else { return false };
        let order = if wide { [DI, SI, DX, 10, 8, 9] } else { [BX, CX, DX, SI, DI, BP] };
        let mut values: Vec<u64> = order.iter().take(count).map(|&register| cpu.registers[register]).collect();
        let mut name = name;
        if name == "socketcall" {
            let index = usize::try_from(values[0]).unwrap_or(0).wrapping_sub(1);
            let Some(&(called, count)) = SOCKET_CALLS.get(index) else { return false };
            let table = values[1];
            values = (0..count as u64).map(|index| Self::word(cpu, table.wrapping_add(4 * index))).collect();
            name = called;
        }
        cpu.steps += STEPS_OF_CALL;
        let result = self.answer(cpu, name, &values);
        self.record(cpu, name, &values, result);
        cpu.registers[AX] = if wide { result } else { result & 0xffff_ffff };
        !matches!(name, "exit" | "exit_group" | "execve" | "execveat" | "reboot")
    }

    fn word(cpu: &mut Cpu, address: u64) -> u64 {
        cpu.memory.read(address, 4).map_or(0, |value| value as u64)
    }

    fn answer(&mut self, cpu: &mut Cpu, name: &str, values: &[u64]) -> u64 {
        match name {
            "socket" | "open" | "creat" | "accept" | "dup" | "memfd_create" => 3 + self.calls.len() as u64,
            "mmap" | "mmap2" => {
                let size = values.get(1).copied().unwrap_or(0).clamp(1, MAX_HEAP).next_multiple_of(0x1000);
                if self.heap + size > MAX_HEAP {
                    return u64::MAX;
                }
                let address = HEAP + self.heap;
                self.heap += size;
                cpu.memory.map(address, size, Rc::new(Vec::new()));
                address
            }
            "write" | "sendto" => values.get(2).copied().unwrap_or(0),
            "getpid" => 1_000,
            _ => 0,
        }
    }

    fn record(&mut self, cpu: &mut Cpu, name: &str, values: &[u64], result: u64) {
        if self.calls.len() >= MAX_CALLS {
            return;
        }
        let mut arguments = Vec::new();
        for (index, &value) in values.iter().enumerate() {
            let is_address = index == 1 && matches!(name, "connect" | "bind");
            let address = if is_address { socket_address(cpu, value) } else { None };
            arguments.push(address.unwrap_or_else(|| shown(cpu, value)));
        }
        let result = format!("0x{result:x}");
        self.calls.push(SystemCall { name: name.to_owned(), arguments, result, address: cpu.ip });
    }
}
