//! What was read, as facts: names for calls, lists cut to what is reported.

use std::collections::{HashMap, HashSet};

use super::listing::{List, lines};
use super::string_at;
use super::walk::{Callee, Walked};
use crate::facts::{ApiCall, CodeString, EntryPoint, Function, Machine, Mark};
use crate::limits::{ENTRY_LINES, MAX_APIS, MAX_CALL_TEXT, MAX_CALLS_OF_FUNCTION, MAX_FUNCTIONS_REPORTED, MAX_STRINGS};
use crate::view::View;

/// Names in facts are cut: C++ has some of thousands of characters.
const MAX_NAME: usize = 160;

#[must_use]
pub fn report(view: &View, walked: &Walked) -> Machine {
    let apis = Apis::new(view, walked);
    let starts = &view.image.starts;
    let entry =
        starts.first().map(|start| start.address).or_else(|| (view.image.kind == "raw").then_some(view.image.base));
    let code = view.image.regions.iter().filter(|region| region.executable).map(|region| region.size).sum();
    Machine {
        architecture: view.image.architecture.clone(),
        bits: view.image.bits,
        format: view.image.kind,
        entry_points: entry_points(view),
        function_count: walked.functions.len() as u64,
        functions: functions(view, walked, &apis),
        api_calls: apis.calls(view, walked),
        strings: strings(view, walked),
        marks: marks(walked),
        entry_code: entry
            .map_or_else(Vec::new, |address| lines(view, &List { address, count: ENTRY_LINES, bits: None })),
        instructions: walked.instructions,
        decoded: walked.bytes,
        code,
        ..Machine::default()
    }
}

fn entry_points(view: &View) -> Vec<EntryPoint> {
    const MOST: usize = 64;
    let point = |start: &file_processor::image::Start| EntryPoint {
        kind: start.kind,
        address: start.address,
        offset: view.offset(start.address),
    };
    view.image.starts.iter().take(MOST).map(point).collect()
}

fn cut(name: &str) -> String {
    let shown = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
    name.chars().take(MAX_NAME).map(shown).collect()
}

/// Which slots functions jump to, and what calls go there.
struct Apis {
    thunks: HashMap<u64, u32>,
}

impl Apis {
    fn new(view: &View, walked: &Walked) -> Self {
        let thunk = |found: &super::Found| Some((found.address, found.thunk?));
        let mut thunks: HashMap<u64, u32> = walked.functions.iter().filter_map(thunk).collect();
        thunks.retain(|_, slot| (*slot as usize) < view.image.slots.len());
        Self { thunks }
    }

    fn slot(&self, callee: Callee) -> Option<u32> {
        match callee {
            Callee::Slot(slot) => Some(slot),
            Callee::Address(address) => self.thunks.get(&address).copied(),
        }
    }

    fn calls(&self, view: &View, walked: &Walked) -> Vec<ApiCall> {
        let is_thunk: HashSet<u32> =
            (0..).zip(&walked.functions).filter(|(_, found)| found.thunk.is_some()).map(|(index, _)| index).collect();
        let mut counted: HashMap<u32, (u64, u32)> = HashMap::new();
        for call in walked.calls.iter().filter(|call| !is_thunk.contains(&call.function)) {
            if let Some(slot) = self.slot(call.callee) {
                let entry = counted.entry(slot).or_insert((call.site, 0));
                entry.0 = entry.0.min(call.site);
                entry.1 += 1;
            }
        }
        let mut calls: Vec<_> = counted.into_iter().collect();
        calls.sort_by_key(|&(slot, (site, _))| (site, slot));
        let named = calls.into_iter().filter_map(|(slot, (address, count))| {
            let slot = view.image.slots.get(slot as usize)?;
            Some(ApiCall { api: cut(&slot.name), library: cut(&slot.library), address, count })
        });
        named.take(MAX_APIS).collect()
    }
}

/// The largest ones are told of where there are too many, in the order of their addresses.
fn functions(view: &View, walked: &Walked, apis: &Apis) -> Vec<Function> {
    let mut chosen: Vec<usize> =
        (0..walked.functions.len()).filter(|&index| walked.functions[index].size > 0).collect();
    chosen.sort_by_key(|&index| std::cmp::Reverse(walked.functions[index].size));
    chosen.truncate(MAX_FUNCTIONS_REPORTED);
    chosen.sort_by_key(|&index| walked.functions[index].address);
    let mut callers: Vec<u64> = walked.calls.iter().filter_map(|call| target(call.callee)).collect();
    callers.sort_unstable();
    let mut calls: HashMap<u32, Vec<u32>> = HashMap::new();
    for call in &walked.calls {
        if let Some(slot) = apis.slot(call.callee) {
            let known = calls.entry(call.function).or_default();
            if known.len() < MAX_CALLS_OF_FUNCTION && !known.contains(&slot) {
                known.push(slot);
            }
        }
    }
    let names = names(view, walked, &chosen);
    let slot_name = |slot: &u32| cut(&view.image.slots[*slot as usize].name);
    let mut room = MAX_CALL_TEXT;
    let function = |index: usize| {
        let found = &walked.functions[index];
        let own = u32::try_from(index).ok().and_then(|index| calls.get(&index));
        let names_of = own.into_iter().flatten().map(slot_name);
        let called: Vec<String> = names_of.take_while(|name| take(&mut room, name.len())).collect();
        Function {
            address: found.address,
            offset: view.offset(found.address).unwrap_or(0),
            size: found.size,
            blocks: found.blocks,
            callers: count(&callers, found.address),
            calls: called,
            name: found
                .thunk
                .map(|slot| slot_name(&slot))
                .or_else(|| names.get(&found.address).map(|name| cut(name)))
                .unwrap_or_default(),
        }
    };
    chosen.into_iter().map(function).collect()
}

fn take(room: &mut usize, bytes: usize) -> bool {
    let fits = bytes <= *room;
    *room = room.saturating_sub(bytes);
    fits
}

fn target(callee: Callee) -> Option<u64> {
    match callee {
        Callee::Address(address) => Some(address),
        Callee::Slot(_) => None,
    }
}

/// How often a number is in a sorted list.
fn count(sorted: &[u64], number: u64) -> u32 {
    let first = sorted.partition_point(|&other| other < number);
    let behind = sorted.partition_point(|&other| other <= number);
    u32::try_from(behind - first).unwrap_or(u32::MAX)
}

/// Of the chosen functions, which are in the order of their addresses.
fn names<'a>(view: &'a View, walked: &Walked, chosen: &[usize]) -> HashMap<u64, &'a str> {
    let is_chosen =
        |address: u64| chosen.binary_search_by_key(&address, |&index| walked.functions[index].address).is_ok();
    let named = view.image.functions.iter().filter(|named| !named.name.is_empty() && is_chosen(named.address));
    named.map(|named| (named.address, named.name.as_str())).collect()
}

fn strings(view: &View, walked: &Walked) -> Vec<CodeString> {
    let mut seen = HashSet::new();
    let mut strings = Vec::new();
    for &(address, data) in &walked.notes.data {
        if strings.len() >= MAX_STRINGS {
            break;
        }
        if seen.insert(data)
            && let Some(text) = string_at(view.bytes(data))
        {
            strings.push(CodeString { address, text });
        }
    }
    strings
}

fn marks(walked: &Walked) -> Vec<Mark> {
    let mark = |(&kind, &(address, count)): (&&'static str, &(u64, u32))| Mark { kind, address, count };
    let mut marks: Vec<Mark> = walked.notes.marks.iter().map(mark).collect();
    if walked.overlaps > 0 {
        marks.push(Mark { kind: "overlapping-code", address: 0, count: walked.overlaps });
    }
    marks
}
