//! A registry that only exists here: what scripts ask for to know where they are, and what they write.

use std::collections::BTreeMap;

use crate::limits::MAX_REGISTRY;
use crate::met;
use crate::value::Value;

#[derive(Debug)]
pub struct Registry {
    /// By lower-case key, its value's name behind the last backslash.
    values: BTreeMap<String, Value>,
}

/// A Windows 10 of a company.
const GIVEN: [(&str, &str); 12] = [
    ("HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\ProductName", "Windows 10 Pro"),
    ("HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\CurrentVersion", "6.3"),
    ("HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\CurrentBuild", "19045"),
    ("HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\RegisteredOwner", "jsmith"),
    ("HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\\MachineGuid", "5b1a1f4c-92d7-4b60-8f0e-3c1f6a0d7e21"),
    ("HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Internet Explorer\\Version", "9.11.19041.0"),
    ("HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\ProgramFilesDir", "C:\\Program Files"),
    ("HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Nls\\Language\\Default", "0409"),
    ("HKEY_CURRENT_USER\\Control Panel\\International\\LocaleName", "en-US"),
    ("HKEY_CURRENT_USER\\Control Panel\\International\\Locale", "00000409"),
    ("HKEY_CLASSES_ROOT\\.js\\", "JSFile"),
    ("HKEY_CLASSES_ROOT\\http\\shell\\open\\command\\", "\"C:\\Program Files\\Internet Explorer\\iexplore.exe\" %1"),
];

impl Default for Registry {
    fn default() -> Self {
        Self { values: GIVEN.iter().map(|(key, value)| (key.to_lowercase(), Value::text(value))).collect() }
    }
}

impl Registry {
    #[must_use]
    pub fn read(&self, key: &str) -> Option<Value> {
        self.values.get(&full(key).to_lowercase()).cloned()
    }

    pub fn write(&mut self, key: &str, value: Value) -> bool {
        let fits = self.values.len() < MAX_REGISTRY;
        if fits {
            self.values.insert(full(key).to_lowercase(), value);
        } else {
            met::meet("values of the registry");
        }
        fits
    }

    /// A value, or a key with all that is below it.
    pub fn delete(&mut self, key: &str) -> bool {
        let gone = full(key).to_lowercase();
        let before = self.values.len();
        self.values.retain(|known, _| !(*known == gone || gone.ends_with('\\') && known.starts_with(&gone)));
        self.values.len() < before
    }
}

/// The long name of a root.
#[must_use]
pub fn full(key: &str) -> String {
    let (root, rest) = key.split_once('\\').unwrap_or((key, ""));
    let root = match root.to_ascii_uppercase().as_str() {
        "HKCU" => "HKEY_CURRENT_USER",
        "HKLM" => "HKEY_LOCAL_MACHINE",
        "HKCR" => "HKEY_CLASSES_ROOT",
        "HKU" => "HKEY_USERS",
        "HKCC" => "HKEY_CURRENT_CONFIG",
        _ => return key.to_owned(),
    };
    format!("{root}\\{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_have_two_names_and_keys_no_case() {
        let mut registry = Registry::default();
        assert!(registry.write("HKCU\\Software\\X\\y", Value::text("1")));
        assert_eq!(registry.read("hkey_current_user\\software\\x\\Y"), Some(Value::text("1")));
        assert!(registry.delete("HKCU\\Software\\X\\"));
        assert_eq!(registry.read("HKCU\\Software\\X\\y"), None);
    }
}
