//! Names of Windows' functions by hashes of them: code that resolves what it calls has no names in it, but the numbers
//! that they hash to.

mod algorithms;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::facts::HashedApi;
use crate::windows::Database;
use algorithms::{ALGORITHMS, WITH_LIBRARY};

/// Numbers of one algorithm that must be found before any is believed, in a program: by chance there are none.
pub const ENOUGH: usize = 3;
/// Names that are reported.
const MOST: usize = 500;

/// What numbers of code, with their addresses, are hashes of. Of each algorithm at least `enough` must be found.
#[must_use]
pub fn look_up(numbers: &[(u64, u32)], enough: usize) -> Vec<HashedApi> {
    let mut sites: HashMap<u32, u64> = HashMap::new();
    for &(site, number) in numbers {
        let known = sites.entry(number).or_insert(site);
        *known = site.min(*known);
    }
    if sites.is_empty() {
        return Vec::new();
    }
    // Most hashes of names differ from all numbers in their lower half.
    let mut halves = vec![false; 0x1_0000];
    for &number in sites.keys() {
        halves[(number & 0xffff) as usize] = true;
    }
    let mut found: BTreeMap<&'static str, BTreeMap<u32, (&'static str, &'static str)>> = BTreeMap::new();
    let mut check = |algorithm: &'static str, hash: u32, library: &'static str, name: &'static str| {
        if halves[(hash & 0xffff) as usize] && sites.contains_key(&hash) {
            // The first library that has the name is the one that programs know it from.
            found.entry(algorithm).or_default().entry(hash).or_insert((library, name));
        }
    };
    for library in &Database::get().libraries {
        let of_library: Vec<_> = WITH_LIBRARY.iter().map(|with| (with.library)(library.name)).collect();
        for function in &library.functions {
            let name = function.name.as_bytes();
            for algorithm in &ALGORITHMS {
                check(algorithm.name, (algorithm.hash)(name), library.name, function.name);
            }
            for (with, own) in WITH_LIBRARY.iter().zip(&of_library) {
                check(with.name, (with.function)(name).wrapping_add(*own), library.name, function.name);
            }
        }
    }
    let believed = found.into_iter().filter(|(_, hashes)| hashes.len() >= enough);
    let mut apis: Vec<HashedApi> = believed
        .flat_map(|(algorithm, hashes)| {
            hashes.into_iter().map(move |(hash, (library, name))| (algorithm, hash, library, name))
        })
        .map(|(algorithm, hash, library, name)| HashedApi {
            hash,
            algorithm,
            name: name.to_owned(),
            library: library.to_owned(),
            address: sites[&hash],
        })
        .collect();
    apis.sort_by_key(|api| (api.address, api.algorithm));
    apis.truncate(MOST);
    apis
}

/// The names, as the tables of the emulated libraries have them.
#[must_use]
pub fn names(apis: &[HashedApi]) -> BTreeSet<&'static str> {
    let known = |api: &HashedApi| {
        let database = Database::get();
        let library = database.library(&api.library)?;
        let function = database.function(library, &api.name)?;
        Some(database.libraries[library].functions[function].name)
    };
    apis.iter().filter_map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_hashes_are_known() {
        // Of Metasploit's block_api.
        let numbers = [(1, 0x0726_774c), (2, 0x876f_8b31), (3, 0xe553_a458)];
        let names: Vec<_> = look_up(&numbers, 1).into_iter().map(|api| (api.name, api.algorithm)).collect();
        let expected = ["LoadLibraryA", "WinExec", "VirtualAlloc"];
        assert_eq!(names, expected.map(|name| (name.to_owned(), "ror13-add-library")));
    }

    #[test]
    fn numbers_that_are_few_are_not_believed() {
        assert!(look_up(&[(1, 0x0726_774c)], 2).is_empty());
        assert!(look_up(&[], 1).is_empty());
    }
}
