//! Calls of Windows' functions: recorded with their arguments, answered so that the code goes on.

use std::rc::Rc;

use super::arguments::{argument, shown, socket_address, text};
use super::exports::Database;
use super::process::{Process, UNKNOWN};
use crate::emulator::{AX, Cpu, SP};
use crate::facts::SystemCall;
use crate::limits::{MAX_ARGUMENTS, MAX_CALLS, MAX_CHILD, MAX_CHILDREN, STEPS_OF_CALL};

/// Where memory that the program asks for begins.
const HEAP: u64 = 0x1000_0000;
/// Bytes of memory that it may ask for in sum.
const MAX_HEAP: u64 = 64 << 20;
/// Arguments that are recorded of a function whose count nobody knows.
const GUESSED: u8 = 4;

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Returned,
    /// The program or thread ended itself.
    Ended,
}

/// A file or a part of another process that the program wrote.
pub struct Written {
    pub name: String,
    pub kind: &'static str,
    pub content: Vec<u8>,
}

pub struct Windows {
    process: Process,
    pub calls: Vec<SystemCall>,
    pub call_count: u64,
    pub written: Vec<Written>,
    /// Threads that were started: address and argument.
    pub threads: Vec<(u64, u64)>,
    /// Names of functions and libraries that are in no table, by the number of their address.
    unknown: Vec<String>,
    heap: u64,
    handles: u64,
}

impl Windows {
    #[must_use]
    pub fn new(process: Process) -> Self {
        Self {
            process,
            calls: Vec::new(),
            call_count: 0,
            written: Vec::new(),
            threads: Vec::new(),
            unknown: Vec::new(),
            heap: HEAP,
            handles: 0x100,
        }
    }

    /// Addresses of functions that are in no table.
    const fn unknown_base(&self) -> u64 {
        0x6f00_0000
    }

    /// Whether the address is a function's.
    #[must_use]
    pub fn is_function(&self, address: u64) -> bool {
        self.unknown_at(address).is_some() || self.process.function_at(address).is_some()
    }

    fn unknown_at(&self, address: u64) -> Option<usize> {
        let index = usize::try_from(address.checked_sub(self.unknown_base())? / 16).ok()?;
        (index < self.unknown.len()).then_some(index)
    }

    /// Does the call whose function the instruction pointer is at.
    pub fn call(&mut self, cpu: &mut Cpu) -> Answer {
        let (name, words) = match (self.unknown_at(cpu.ip), self.process.function_at(cpu.ip)) {
            (Some(index), _) => (self.unknown[index].clone(), None),
            (None, Some((library, function))) => {
                let function = Database::get().libraries[library].functions[function];
                (function.name.to_owned(), function.words)
            }
            (None, None) => return Answer::Ended,
        };
        let return_address = cpu.memory.read(cpu.registers[SP], if cpu.bits == 64 { 8 } else { 4 }).unwrap_or(0) as u64;
        self.call_count += 1;
        cpu.steps += STEPS_OF_CALL;
        let place = self.record(cpu, &name, words, return_address);
        let result = self.answer(cpu, &name);
        if let (Some(place), Some(result)) = (place, result) {
            self.calls[place].result = format!("0x{result:x}");
        }
        let Some(result) = result else { return Answer::Ended };
        cpu.registers[AX] = if cpu.bits == 64 { result } else { result & 0xffff_ffff };
        if cpu.pop().is_err() {
            return Answer::Ended;
        }
        if cpu.bits == 32 {
            let taken = 4 * u64::from(words.unwrap_or(0));
            cpu.registers[SP] = cpu.registers[SP].wrapping_add(taken) & 0xffff_ffff;
        }
        cpu.ip = return_address;
        Answer::Returned
    }

    fn record(&mut self, cpu: &mut Cpu, name: &str, words: Option<u8>, address: u64) -> Option<usize> {
        if self.calls.len() >= MAX_CALLS {
            return None;
        }
        let count = usize::from(words.unwrap_or(GUESSED)).min(MAX_ARGUMENTS);
        let mut arguments = Vec::new();
        for index in 0..count as u64 {
            let value = argument(cpu, index);
            let address = if index == 1 && takes_socket_address(name) { socket_address(cpu, value) } else { None };
            arguments.push(address.unwrap_or_else(|| shown(cpu, value)));
        }
        self.calls.push(SystemCall { name: name.to_owned(), arguments, result: String::new(), address });
        Some(self.calls.len() - 1)
    }

    /// None: the program ended.
    fn answer(&mut self, cpu: &mut Cpu, name: &str) -> Option<u64> {
        let is_wide = name.ends_with('W');
        Some(match name {
            "ExitProcess"
            | "ExitThread"
            | "TerminateProcess"
            | "NtTerminateProcess"
            | "ZwTerminateProcess"
            | "RtlExitUserProcess"
            | "RtlExitUserThread"
            | "RtlExitUserThreadEx"
            | "FatalExit"
            | "exit"
            | "_exit"
            | "abort"
            | "FatalAppExitA" => return None,
            "LoadLibraryA" | "LoadLibraryW" | "LoadLibraryExA" | "LoadLibraryExW" | "GetModuleHandleA"
            | "GetModuleHandleW" => {
                let name = argument(cpu, 0);
                if name == 0 { 0x40_0000 } else { self.library(&text(cpu, name, is_wide)) }
            }
            "GetProcAddress" => self.procedure(cpu),
            "VirtualAlloc" | "HeapAlloc" | "LocalAlloc" | "GlobalAlloc" | "RtlAllocateHeap" | "VirtualAllocEx" => {
                let index = match name {
                    "HeapAlloc" | "RtlAllocateHeap" | "VirtualAllocEx" => 2,
                    _ => 1,
                };
                let size = argument(cpu, index);
                self.allocate(cpu, size)
            }
            "malloc" => {
                let size = argument(cpu, 0);
                self.allocate(cpu, size)
            }
            "NtAllocateVirtualMemory" | "ZwAllocateVirtualMemory" => {
                let (place, size) = (argument(cpu, 1), argument(cpu, 3));
                let wanted = self.read(cpu, size);
                let address = self.allocate(cpu, wanted);
                self.give(cpu, place, address);
                0
            }
            "VirtualProtect" | "VirtualProtectEx" => {
                let place = argument(cpu, if name == "VirtualProtect" { 3 } else { 4 });
                // What it was: readable, writable, executable.
                let _ = cpu.memory.write(place, 4, 0x40);
                1
            }
            "CreateThread" | "CreateRemoteThread" => {
                let first = if name == "CreateThread" { 2 } else { 3 };
                let thread = (argument(cpu, first), argument(cpu, first + 1));
                self.start(thread);
                self.handle()
            }
            "WriteFile" | "WriteProcessMemory" | "NtWriteVirtualMemory" | "ZwWriteVirtualMemory" => {
                self.write(cpu, name);
                if name.starts_with("Write") { 1 } else { 0 }
            }
            "memcpy" | "RtlMoveMemory" | "memmove" => {
                let (target, source, size) = (argument(cpu, 0), argument(cpu, 1), argument(cpu, 2));
                self.copy(cpu, target, source, size)
            }
            "InternetReadFile"
            | "WinHttpReadData"
            | "ReadFile"
            | "WinHttpQueryDataAvailable"
            | "InternetQueryDataAvailable" => {
                let place = argument(cpu, if name.ends_with("Available") { 1 } else { 3 });
                let _ = cpu.memory.write(place, 4, 0);
                1
            }
            "GetTickCount" | "timeGetTime" => 0x10_0000 + cpu.steps / 64,
            "lstrlenA" | "strlen" => {
                let place = argument(cpu, 0);
                let length = cpu.memory.text(place, 1 << 16).len() as u64;
                cpu.steps += length;
                length
            }
            "htons" => u64::from((argument(cpu, 0) as u16).swap_bytes()),
            "GetTempPathA" => self.fill(cpu, 1, "C:\\Users\\user\\AppData\\Local\\Temp\\"),
            "GetSystemDirectoryA" => self.fill(cpu, 0, "C:\\Windows\\System32"),
            "GetWindowsDirectoryA" => self.fill(cpu, 0, "C:\\Windows"),
            "GetModuleFileNameA" => self.fill(cpu, 1, "C:\\Users\\user\\sample.exe"),
            "GetCurrentProcess" => u64::MAX,
            _ => self.usual_answer(name),
        })
    }

    /// By what functions with such names answer where all is well.
    fn usual_answer(&mut self, name: &str) -> u64 {
        const ZERO: [&str; 26] = [
            "Reg",
            "Nt",
            "Zw",
            "Rtl",
            "Ldr",
            "WSAStartup",
            "WSACleanup",
            "WSAGetLastError",
            "WSAConnect",
            "WSARecv",
            "WSASend",
            "connect",
            "bind",
            "listen",
            "setsockopt",
            "recv",
            "closesocket",
            "URL",
            "IsDebuggerPresent",
            "CheckRemoteDebuggerPresent",
            "GetLastError",
            "WaitFor",
            "Sleep",
            "SetErrorMode",
            "GetAsyncKeyState",
            "shutdown",
        ];
        const HANDLE: [&str; 14] = [
            "Create",
            "Open",
            "Internet",
            "WinHttpOpen",
            "WinHttpConnect",
            "WSASocket",
            "socket",
            "accept",
            "HttpOpen",
            "FindFirst",
            "Heap",
            "GetStdHandle",
            "fopen",
            "Find",
        ];
        let begins = |prefix: &&str| name.starts_with(*prefix);
        if ZERO.iter().any(begins) {
            0
        } else if HANDLE.iter().any(begins) && !name.contains("Close") && !name.contains("SetOption") {
            self.handle()
        } else {
            1
        }
    }

    fn handle(&mut self) -> u64 {
        self.handles += 4;
        self.handles
    }

    fn library(&mut self, name: &str) -> u64 {
        match Database::get().library(name) {
            Some(library) => self.process.base_of(library),
            // Nothing but a number for what nobody knows.
            None => UNKNOWN,
        }
    }

    fn procedure(&mut self, cpu: &mut Cpu) -> u64 {
        let (module, name) = (argument(cpu, 0), argument(cpu, 1));
        let name = if name < 0x1_0000 { format!("#{name}") } else { text(cpu, name, false) };
        let library = self.process.library_at(module);
        let known = library.and_then(|library| {
            let function = Database::get().function(library, &name)?;
            Some(self.process.address_of(library, function))
        });
        known.unwrap_or_else(|| {
            const MOST: usize = 1_024;
            let place = self.unknown.iter().position(|known| *known == name).unwrap_or_else(|| {
                if self.unknown.len() < MOST {
                    self.unknown.push(name);
                }
                self.unknown.len() - 1
            });
            self.unknown_base() + 16 * place as u64
        })
    }

    fn allocate(&mut self, cpu: &mut Cpu, size: u64) -> u64 {
        let size = size.clamp(1, MAX_HEAP).next_multiple_of(0x1_0000);
        if self.heap + size > HEAP + MAX_HEAP {
            return 0;
        }
        let address = self.heap;
        self.heap += size;
        cpu.memory.map(address, size, Rc::new(Vec::new()));
        address
    }

    fn word(cpu: &Cpu) -> usize {
        if cpu.bits == 64 { 8 } else { 4 }
    }

    fn read(&self, cpu: &mut Cpu, place: u64) -> u64 {
        cpu.memory.read(place, Self::word(cpu)).map_or(0, |value| value as u64)
    }

    fn give(&self, cpu: &mut Cpu, place: u64, value: u64) {
        let _ = cpu.memory.write(place, Self::word(cpu), u128::from(value));
    }

    fn start(&mut self, thread: (u64, u64)) {
        const MOST: usize = 8;
        if self.threads.len() < MOST {
            self.threads.push(thread);
        }
    }

    fn fill(&self, cpu: &mut Cpu, index: u64, text: &str) -> u64 {
        let place = argument(cpu, index);
        for (distance, byte) in (0..).zip(text.bytes().chain([0])) {
            if cpu.memory.write(place.wrapping_add(distance), 1, u128::from(byte)).is_err() {
                return 0;
            }
        }
        text.len() as u64
    }

    fn copy(&self, cpu: &mut Cpu, target: u64, source: u64, size: u64) -> u64 {
        let content = cpu.memory.copy(source, usize::try_from(size).unwrap_or(usize::MAX).min(MAX_CHILD));
        cpu.steps += content.len() as u64;
        cpu.overwrite(target, &content);
        target
    }

    fn write(&mut self, cpu: &mut Cpu, name: &str) {
        if self.written.len() >= MAX_CHILDREN {
            return;
        }
        let (first, kind) = if name == "WriteFile" { (1, "written-file") } else { (2, "injected") };
        let (source, size) = (argument(cpu, first), argument(cpu, first + 1));
        let content = cpu.memory.copy(source, usize::try_from(size).unwrap_or(usize::MAX).min(MAX_CHILD));
        cpu.steps += content.len() as u64 / 4;
        if !content.is_empty() {
            self.written.push(Written { name: format!("{kind}-{}", self.written.len() + 1), kind, content });
        }
    }
}

fn takes_socket_address(name: &str) -> bool {
    matches!(name, "connect" | "bind" | "WSAConnect" | "sendto")
}
