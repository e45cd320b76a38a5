//! What obfuscators, protectors and packers of .NET leave: names of types and attributes, texts, names of streams.

use super::heaps::Heaps;
use super::tables::{TYPE_DEF, TYPE_REF, Tables};
use crate::facts::dotnet::DotNet;

/// Names of types, without their namespaces.
const TYPES: [(&str, &str); 17] = [
    ("ConfusedByAttribute", "ConfuserEx"),
    ("DotfuscatorAttribute", "Dotfuscator"),
    ("PoweredByAttribute", "SmartAssembly"),
    ("BabelObfuscatorAttribute", "Babel"),
    ("BabelAttribute", "Babel"),
    ("YanoAttribute", "Yano"),
    ("ProtectedWithCryptoObfuscatorAttribute", "Crypto Obfuscator"),
    ("ObfuscatedByGoliath", "Goliath"),
    ("ObfuscatedByAgileDotNetAttribute", "Agile.NET"),
    ("ObfuscatedByCliSecureAttribute", "CliSecure"),
    ("ProcessedByXenocode", "Xenocode"),
    ("EMyPID_8234_", "SkaterNET"),
    ("NineRays.Obfuscator.Evaluation", "Spices.Net"),
    ("ObfuscatedBySpicesNetAttribute", "Spices.Net"),
    ("NetGuard", "NetGuard"),
    ("KoiVM", "KoiVM"),
    ("MaxtoCodeAttribute", "MaxtoCode"),
];

/// Beginnings of texts that the code loads.
const TEXTS: [(&str, &str); 3] = [
    ("{11111-22222-", ".NET Reactor"),
    ("This assembly is protected by an unregistered version of Eziriz's", ".NET Reactor"),
    ("ConfuserEx v", "ConfuserEx"),
];

/// Types that are looked at: marks of protectors are among the last as often as among the first.
const MAX_TYPES: usize = 65_536;

pub fn obfuscators(tables: &Tables, heaps: &Heaps, dotnet: &DotNet) -> Vec<&'static str> {
    let mut found: Vec<&'static str> = Vec::new();
    let mut note = |name: &'static str| {
        if !found.contains(&name) {
            found.push(name);
        }
    };
    for table in [TYPE_DEF, TYPE_REF] {
        for row in tables.rows(table).take(MAX_TYPES) {
            let name = heaps.name_bytes(row[1]);
            TYPES.iter().filter(|(mark, _)| mark.as_bytes() == name).for_each(|&(_, tool)| note(tool));
        }
    }
    for text in &dotnet.user_strings {
        TEXTS.iter().filter(|(mark, _)| text.starts_with(mark)).for_each(|&(_, tool)| note(tool));
    }
    found
}
