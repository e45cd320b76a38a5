//! WebAssembly samples: run by an interpreter inside of the sandbox. What they import is a stub that writes down how it
//! is called; fuel, memory and calls are bounded.

use wasmi::{
    Config, Engine, ExternType, Func, FuncType, Linker, Module, Nullable, Ref, RefType, Store, StoreLimits,
    StoreLimitsBuilder, Val,
};

use crate::facts::{Guest, GuestRun, SystemCall};
use crate::limits::{
    MAX_ARGUMENT, MAX_ARGUMENTS, MAX_CALLS, MAX_WASM_FUEL, MAX_WASM_NAMES, MAX_WASM_PAGES, MAX_WASM_RUNS, WASM_FUEL,
};

/// Bytes of a WebAssembly page.
const PAGE: usize = 65_536;
/// Characters of a name of the sample.
const MAX_NAME: usize = 128;
/// Elements of its tables.
const MAX_ELEMENTS: usize = 1 << 16;

struct Host {
    calls: Vec<SystemCall>,
    limits: StoreLimits,
}

impl Host {
    fn new() -> Self {
        let limits = StoreLimitsBuilder::new()
            .memory_size(MAX_WASM_PAGES * PAGE)
            .table_elements(MAX_ELEMENTS)
            .instances(1)
            .tables(8)
            .memories(1)
            .build();
        Self { calls: Vec::new(), limits }
    }
}

/// Whether the bytes begin as a module of WebAssembly does.
#[must_use]
pub fn is_module(data: &[u8]) -> bool {
    data.starts_with(b"\0asm\x01\0\0\0")
}

/// Lists what a sample imports and exports; `all`: runs its start and each export that takes no arguments.
#[must_use]
pub fn run(data: &[u8], all: bool) -> Guest {
    let mut guest = Guest::default();
    if let Err(error) = run_into(data, all, &mut guest) {
        guest.error = cut(&error, MAX_ARGUMENT);
    }
    guest
}

/// Whether each section ends within the module: the engine adds its size to its place in 32 bits.
fn sections_fit(data: &[u8]) -> bool {
    let mut at = 8;
    while at < data.len() {
        at += 1;
        let mut size = 0_u64;
        for shift in (0..35).step_by(7) {
            let Some(&byte) = data.get(at) else { return false };
            at += 1;
            size |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        let Some(end) = usize::try_from(size).ok().and_then(|size| at.checked_add(size)) else { return false };
        at = end;
    }
    at <= data.len().max(8)
}

fn run_into(data: &[u8], all: bool, guest: &mut Guest) -> Result<(), String> {
    if !sections_fit(data) {
        return Err("malformed: a section is longer than the module".to_owned());
    }
    let mut config = Config::default();
    config.consume_fuel(true);
    config.compilation_mode(wasmi::CompilationMode::LazyTranslation);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, data).map_err(|error| error.to_string())?;
    let imports = module.imports().take(MAX_WASM_NAMES);
    guest.imports = imports.map(|import| cut(&format!("{}.{}", import.module(), import.name()), MAX_NAME)).collect();
    guest.exports = module.exports().take(MAX_WASM_NAMES).map(|export| cut(export.name(), MAX_NAME)).collect();
    if !all {
        return Ok(());
    }
    let mut store = Store::new(&engine, Host::new());
    store.limiter(|host| &mut host.limits);
    store.set_fuel(WASM_FUEL).map_err(|error| error.to_string())?;
    let mut linker = Linker::new(&engine);
    for import in module.imports() {
        define(&mut linker, &mut store, &import)?;
    }
    let begun = linker.instantiate_and_start(&mut store, &module);
    note(guest, &mut store, "(start)", begun.as_ref().err());
    if let Ok(instance) = begun {
        let mut names: Vec<String> = module.exports().map(|export| export.name().to_owned()).collect();
        // The one that a command begins with.
        names.sort_by_key(|name| name != "_start");
        let mut left = MAX_WASM_FUEL;
        for name in names {
            let Some(function) = instance.get_func(&store, &name) else { continue };
            if guest.runs.len() >= MAX_WASM_RUNS || left == 0 {
                break;
            }
            let kind = function.ty(&store);
            if kind.params().is_empty() {
                left = left.saturating_sub(call(guest, &mut store, &function, &kind, &name));
            }
        }
        let memory = instance.get_memory(&store, "memory");
        guest.memory = memory.map_or(0, |memory| memory.data_size(&store) as u64);
    }
    guest.calls = std::mem::take(&mut store.data_mut().calls);
    Ok(())
}

/// Fuel that it took.
fn call(guest: &mut Guest, store: &mut Store<Host>, function: &Func, kind: &FuncType, name: &str) -> u64 {
    if store.set_fuel(WASM_FUEL).is_err() {
        return MAX_WASM_FUEL;
    }
    let mut results: Vec<Val> = kind.results().iter().map(|&kind| Val::default_for_ty(kind)).collect();
    let ended = function.call(&mut *store, &[], &mut results);
    note(guest, store, name, ended.as_ref().err())
}

fn note(guest: &mut Guest, store: &mut Store<Host>, name: &str, error: Option<&wasmi::Error>) -> u64 {
    let fuel = WASM_FUEL.saturating_sub(store.get_fuel().unwrap_or(0));
    let end = match error {
        None => "returned".to_owned(),
        Some(error) if error.as_trap_code() == Some(wasmi::TrapCode::OutOfFuel) => "fuel".to_owned(),
        Some(error) if error.i32_exit_status().is_some() => "exited".to_owned(),
        Some(error) => cut(&error.to_string(), MAX_ARGUMENT),
    };
    guest.runs.push(GuestRun { name: cut(name, MAX_NAME), end, fuel });
    fuel
}

/// A stub for what is imported: functions answer zero; memories, tables and numbers are as small as they may be.
fn define(linker: &mut Linker<Host>, store: &mut Store<Host>, import: &wasmi::ImportType) -> Result<(), String> {
    let (module, name) = (import.module().to_owned(), import.name().to_owned());
    let item: wasmi::Extern = match import.ty() {
        ExternType::Func(kind) => stub(store, kind.clone(), &module, &name).into(),
        ExternType::Memory(kind) => wasmi::Memory::new(&mut *store, *kind).map_err(|error| error.to_string())?.into(),
        ExternType::Table(kind) => {
            let nothing = match kind.element() {
                RefType::Func => Ref::Func(Nullable::Null),
                RefType::Extern => Ref::Extern(Nullable::Null),
            };
            wasmi::Table::new(&mut *store, *kind, nothing).map_err(|error| error.to_string())?.into()
        }
        ExternType::Global(kind) => {
            wasmi::Global::new(&mut *store, Val::default_for_ty(kind.content()), kind.mutability()).into()
        }
    };
    match linker.define(&module, &name, item) {
        Ok(_) => Ok(()),
        // The same may be imported twice.
        Err(_) => Ok(()),
    }
}

fn stub(store: &mut Store<Host>, kind: FuncType, module: &str, name: &str) -> Func {
    let called = cut(&format!("{module}.{name}"), MAX_NAME);
    let ends = matches!(name, "proc_exit" | "exit" | "abort");
    Func::new(&mut *store, kind, move |mut caller, arguments, results| {
        if caller.data().calls.len() < MAX_CALLS {
            let memory = caller.get_export("memory").and_then(wasmi::Extern::into_memory);
            let bytes = memory.as_ref().map_or(&[][..], |memory| memory.data(&caller));
            let following = arguments.iter().skip(1).map(Some).chain([None]);
            let pairs = arguments.iter().zip(following).take(MAX_ARGUMENTS);
            let texts = pairs.map(|(value, next)| shown(bytes, value, next)).collect();
            let call = SystemCall { name: called.clone(), arguments: texts, ..SystemCall::default() };
            caller.data_mut().calls.push(call);
        }
        for result in results.iter_mut() {
            *result = Val::default_for_ty(result.ty());
        }
        if ends { Err(wasmi::Error::i32_exit(0)) } else { Ok(()) }
    })
}

/// A number; where it and the next one are the place and the length of a text, the text.
fn shown(memory: &[u8], value: &Val, next: Option<&Val>) -> String {
    const SHORTEST: usize = 4;
    const LONGEST: usize = 4_096;
    match (value, next) {
        (Val::I32(place), Some(Val::I32(length))) => {
            let text = usize::try_from(*place).ok().zip(usize::try_from(*length).ok()).and_then(|(place, length)| {
                let bytes = memory.get(place..place.checked_add(length)?)?;
                let is_text = (SHORTEST..=LONGEST).contains(&length)
                    && bytes.iter().all(|&byte| crate::disassembly::is_text(byte));
                is_text.then(|| {
                    String::from_utf8_lossy(bytes.get(..MAX_ARGUMENT.min(length)).unwrap_or_default()).into_owned()
                })
            });
            text.map_or_else(|| place.to_string(), |text| format!("{text:?}"))
        }
        (Val::I32(number), _) => number.to_string(),
        (Val::I64(number), _) => number.to_string(),
        (Val::F32(number), _) => f32::from(*number).to_string(),
        (Val::F64(number), _) => f64::from(*number).to_string(),
        _ => "a reference".to_owned(),
    }
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
