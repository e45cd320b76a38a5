//! What an analyst should know of a .NET assembly.

use crate::facts::Category;
use crate::facts::dotnet::DotNet;
use crate::formats::category_of;
use module_kit::{Finding, Findings, Severity};

/// Resources of less are too small to be told from packed pictures.
const MIN_ENCRYPTED: u64 = 4 << 10;
/// Types that are enough to judge names by.
const MIN_TYPES: usize = 10;

pub fn judge(dotnet: &DotNet, findings: &mut Findings) {
    findings.add(
        Finding::new("dotnet", Severity::Info, 95, "The code is .NET (CIL)")
            .detail(format!("Runtime {}, assembly {}.", dotnet.runtime_version, dotnet.assembly_name)),
    );
    if !dotnet.obfuscators.is_empty() {
        findings.add(
            Finding::new("dotnet-obfuscator", Severity::Low, 80, "Marks of an obfuscator or protector of .NET")
                .detail("Vendors protect honest programs with them too.")
                .quotes(&dotnet.obfuscators)
                .techniques(&["T1027.002"]),
        );
    }
    names(dotnet, findings);
    resources(dotnet, findings);
}

/// Renamed types have names that no editor shows.
fn names(dotnet: &DotNet, findings: &mut Findings) {
    let is_odd = |name: &&String| {
        name.chars().any(|letter| !letter.is_ascii() && !letter.is_alphanumeric() || letter.is_control())
    };
    let odd = dotnet.types.iter().filter(is_odd).count();
    if dotnet.types.len() >= MIN_TYPES && 4 * odd > dotnet.types.len() {
        findings.add(
            Finding::new("dotnet-renamed", Severity::Low, 75, "Types have names that cannot be read")
                .detail(format!("{odd} of {} names have characters that are not shown.", dotnet.types.len()))
                .techniques(&["T1027"]),
        );
    }
}

fn resources(dotnet: &DotNet, findings: &mut Findings) {
    for resource in &dotnet.resources {
        let Some(offset) = resource.offset else { continue };
        let detail = format!("{}, {:.2} bits per byte.", resource.name, resource.entropy);
        if category_of(resource.format) == Some(Category::Executable) {
            findings.add(
                Finding::new("embedded-executable", Severity::Medium, 75, "A resource is itself an executable")
                    .detail(format!(".NET resource {}: {}.", resource.name, resource.format))
                    .at(offset, resource.size)
                    .techniques(&["T1027.009"]),
            );
        } else if resource.entropy >= 7.9 && resource.size >= MIN_ENCRYPTED && resource.format == "data" {
            findings.add(
                Finding::new("encrypted-resource", Severity::Low, 55, "A .NET resource looks encrypted or packed")
                    .detail(detail)
                    .at(offset, resource.size)
                    .techniques(&["T1027.013"]),
            );
        }
    }
}
