//! Windows Management Instrumentation: queries with the answers of an office computer, processes, the registry.

use std::borrow::Cow;

use super::collection::Collection;
use super::{Class, Object, class};
use crate::host::{Answer, Fault, Host};
use crate::registry::full;
use crate::value::{Value, argument, text};

static LOCATOR: Class =
    Class { name: "SWbemLocator", methods: &["ConnectServer"], properties: &["Security_"], quiet: &[], default: "" };

pub struct Locator;

impl Object for Locator {
    class!(LOCATOR);

    fn call(&mut self, host: &mut Host, member: &'static str, _args: &[Value]) -> Answer {
        match member {
            "ConnectServer" => host.add(Box::new(Services)),
            _ => host.generic("SWbemSecurity"),
        }
    }
}

static SERVICES: Class = Class {
    name: "SWbemServices",
    methods: &["ExecQuery", "Get", "InstancesOf", "ExecMethod", "ExecNotificationQuery"],
    properties: &["Security_"],
    quiet: &["Security_"],
    default: "",
};

pub struct Services;

impl Object for Services {
    class!(SERVICES);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        let first = text(args, 0);
        match member {
            "ExecQuery" | "InstancesOf" => query(host, &first),
            "ExecNotificationQuery" => {
                host.wait("event", &first);
                host.generic("SWbemEventSource")
            }
            "ExecMethod" => {
                host.process("call a method of WMI", &format!("{first} {}", text(args, 1)));
                host.generic("SWbemObject")
            }
            "Get" => match first.to_ascii_lowercase().as_str() {
                "win32_process" => host.add(Box::new(Process)),
                "stdregprov" => host.add(Box::new(RegistryProvider)),
                "win32_processstartup" => host.add(Box::new(Instance::new("Win32_ProcessStartup", &[]))),
                "__eventfilter"
                | "commandlineeventconsumer"
                | "activescripteventconsumer"
                | "__filtertoconsumerbinding" => {
                    host.persistence("subscription to events of WMI", &first);
                    host.generic("SWbemEventSubscription")
                }
                _ => host.generic(&format!("SWbemObject.{first}")),
            },
            _ => host.generic("SWbemSecurity"),
        }
    }
}

type Fields = &'static [(&'static str, &'static str)];

/// Classes that scripts ask for, by their lower-case names.
const ROWS: &[(&str, &[Fields])] = &[
    (
        "win32_operatingsystem",
        &[&[
            ("Caption", "Microsoft Windows 10 Pro"),
            ("Version", "10.0.19045"),
            ("BuildNumber", "19045"),
            ("OSArchitecture", "64-bit"),
            ("CSName", "DESKTOP-7Q2M4KD"),
            ("SerialNumber", "00330-80000-00000-AA517"),
            ("LastBootUpTime", "20250612080102.500000+000"),
            ("InstallDate", "20230301101112.000000+000"),
            ("FreePhysicalMemory", "9437184"),
            ("TotalVisibleMemorySize", "16654372"),
            ("Locale", "0409"),
            ("OSLanguage", "1033"),
        ]],
    ),
    (
        "win32_computersystem",
        &[&[
            ("Manufacturer", "Dell Inc."),
            ("Model", "OptiPlex 7080"),
            ("Name", "DESKTOP-7Q2M4KD"),
            ("Domain", "corp.example"),
            ("PartOfDomain", "True"),
            ("UserName", "CORP\\jsmith"),
            ("TotalPhysicalMemory", "17054076928"),
            ("NumberOfProcessors", "1"),
            ("NumberOfLogicalProcessors", "8"),
            ("DomainRole", "1"),
        ]],
    ),
    (
        "win32_computersystemproduct",
        &[&[
            ("Name", "OptiPlex 7080"),
            ("Vendor", "Dell Inc."),
            ("UUID", "4C4C4544-0051-3210-804D-B9C04F4B4433"),
            ("IdentifyingNumber", "7Q2M4K3"),
        ]],
    ),
    (
        "win32_bios",
        &[&[
            ("Manufacturer", "Dell Inc."),
            ("SerialNumber", "7Q2M4K3"),
            ("SMBIOSBIOSVersion", "1.14.0"),
            ("Version", "DELL   - 1072009"),
            ("Name", "1.14.0"),
        ]],
    ),
    (
        "win32_processor",
        &[&[
            ("Name", "Intel(R) Core(TM) i7-10700 CPU @ 2.90GHz"),
            ("NumberOfCores", "8"),
            ("NumberOfLogicalProcessors", "16"),
            ("ProcessorId", "BFEBFBFF000A0655"),
            ("Manufacturer", "GenuineIntel"),
        ]],
    ),
    (
        "win32_logicaldisk",
        &[&[
            ("DeviceID", "C:"),
            ("Size", "511101108224"),
            ("FreeSpace", "312475648000"),
            ("DriveType", "3"),
            ("VolumeSerialNumber", "AC0F8C25"),
            ("FileSystem", "NTFS"),
        ]],
    ),
    (
        "win32_diskdrive",
        &[&[
            ("Model", "Samsung SSD 970 EVO 500GB"),
            ("Size", "500105249280"),
            ("SerialNumber", "0025_3857_91B0_3C11."),
            ("Caption", "Samsung SSD 970 EVO 500GB"),
            ("PNPDeviceID", "SCSI\\DISK&VEN_NVME&PROD_SAMSUNG_SSD_970"),
        ]],
    ),
    (
        "win32_videocontroller",
        &[&[
            ("Name", "Intel(R) UHD Graphics 630"),
            ("Caption", "Intel(R) UHD Graphics 630"),
            ("AdapterRAM", "1073741824"),
        ]],
    ),
    (
        "win32_networkadapterconfiguration",
        &[&[
            ("MACAddress", "A4:BB:6D:3F:10:2C"),
            ("IPEnabled", "True"),
            ("Description", "Intel(R) Ethernet Connection I219-LM"),
            ("DHCPEnabled", "True"),
        ]],
    ),
    (
        "win32_process",
        &[
            &[("Name", "explorer.exe"), ("ProcessId", "3120"), ("ExecutablePath", "C:\\Windows\\explorer.exe")],
            &[("Name", "svchost.exe"), ("ProcessId", "904"), ("ExecutablePath", "C:\\Windows\\System32\\svchost.exe")],
            &[("Name", "wscript.exe"), ("ProcessId", "4711"), ("ExecutablePath", "C:\\Windows\\System32\\wscript.exe")],
            &[
                ("Name", "OUTLOOK.EXE"),
                ("ProcessId", "5220"),
                ("ExecutablePath", "C:\\Program Files\\Microsoft Office\\root\\Office16\\OUTLOOK.EXE"),
            ],
        ],
    ),
    (
        "win32_useraccount",
        &[&[("Name", "jsmith"), ("Domain", "CORP"), ("SID", "S-1-5-21-1004336348-1177238915-682003330-1104")]],
    ),
    ("antivirusproduct", &[&[("displayName", "Windows Defender"), ("productState", "397568")]]),
    ("win32_physicalmemory", &[&[("Capacity", "17179869184")]]),
    (
        "win32_baseboard",
        &[&[("Manufacturer", "Dell Inc."), ("Product", "0RF5YK"), ("SerialNumber", "/7Q2M4K3/CNWS2000B9008A/")]],
    ),
    ("win32_timezone", &[&[("Bias", "0"), ("StandardName", "GMT Standard Time")]]),
];

/// What queries for these say about a sample.
const TELLING: [(&str, &str); 9] = [
    ("win32_bios", "asks what the machine is"),
    ("win32_computersystem", "asks what the machine is"),
    ("win32_baseboard", "asks what the machine is"),
    ("win32_diskdrive", "asks what the machine is"),
    ("win32_videocontroller", "asks what the machine is"),
    ("win32_physicalmemory", "asks what the machine is"),
    ("win32_process", "asks which programs run"),
    ("antivirusproduct", "asks which protection there is"),
    ("win32_logicaldisk", "asks how large the disk is"),
];

fn query(host: &mut Host, query: &str) -> Answer {
    let lower = query.to_ascii_lowercase();
    let class = match lower.split_once(" from ") {
        Some((_, rest)) => rest.split_whitespace().next().unwrap_or_default(),
        None => lower.trim(),
    };
    if let Some((_, how)) = TELLING.iter().find(|(known, _)| class.starts_with(known)) {
        host.evasion(how, query);
    }
    let name = ROWS.iter().find(|(known, _)| *known == class);
    let condition = lower.split_once(" where ").map(|(_, condition)| condition);
    let mut items = Vec::new();
    for fields in name.map_or(&[][..], |(_, rows)| rows) {
        if condition.is_none_or(|condition| fits(fields, condition)) {
            items.push(host.add(Box::new(Instance::new(&lower_to_name(class), fields)))?);
        }
    }
    host.add(Box::new(Collection::new("SWbemObjectSet", items)))
}

/// Of a condition the first comparison, as scripts write it: `Name = 'x'`.
fn fits(fields: Fields, condition: &str) -> bool {
    let Some((field, rest)) = condition.split_once('=') else { return true };
    let wanted = rest.trim().trim_matches(['\'', '"']);
    let wanted = wanted.split(['\'', '"']).next().unwrap_or_default();
    let found = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(field.trim()));
    found.is_none_or(|(_, value)| value.eq_ignore_ascii_case(wanted))
}

/// `win32_bios` as `Win32_Bios`.
fn lower_to_name(lower: &str) -> String {
    lower.strip_prefix("win32_").map_or_else(|| lower.to_owned(), |rest| format!("Win32_{rest}"))
}

static INSTANCE: Class = Class {
    name: "SWbemObject",
    methods: &["Terminate", "SpawnInstance_", "Put_", "GetOwner", "Delete_", "ExecMethod_"],
    properties: &["Properties_", "Methods_", "Path_"],
    quiet: &["SpawnInstance_"],
    default: "",
};

struct Instance {
    name: String,
    fields: Fields,
}

impl Instance {
    fn new(name: &str, fields: Fields) -> Self {
        Self { name: name.to_owned(), fields }
    }
}

impl Object for Instance {
    class!(INSTANCE);

    fn name(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.name)
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| match *value {
            "True" => Value::Bool(true),
            value => Value::text(value),
        })
    }

    fn call(&mut self, host: &mut Host, member: &'static str, _args: &[Value]) -> Answer {
        match member {
            "Terminate" => {
                host.process("end", &self.name);
                Ok(Value::number(0))
            }
            "SpawnInstance_" => host.add(Box::new(Self { name: self.name.clone(), fields: self.fields })),
            "Properties_" | "Methods_" | "Path_" => host.generic(&format!("{}.{member}", self.name)),
            _ => Ok(Value::number(0)),
        }
    }
}

static PROCESS: Class = Class {
    name: "Win32_Process",
    methods: &["Create"],
    properties: &["Methods_", "Properties_"],
    quiet: &["Methods_", "Properties_"],
    default: "",
};

/// The class itself, which starts processes.
pub struct Process;

impl Object for Process {
    class!(PROCESS);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        if member == "Create" {
            host.process("run", &text(args, 0));
            return Ok(Value::number(0));
        }
        host.generic("Win32_Process.Methods")
    }
}

static REGISTRY: Class = Class {
    name: "StdRegProv",
    methods: &[
        "SetStringValue",
        "SetExpandedStringValue",
        "SetDWORDValue",
        "SetBinaryValue",
        "SetMultiStringValue",
        "GetStringValue",
        "GetDWORDValue",
        "GetExpandedStringValue",
        "EnumKey",
        "EnumValues",
        "CreateKey",
        "DeleteKey",
        "DeleteValue",
    ],
    properties: &[],
    quiet: &[],
    default: "",
};

pub struct RegistryProvider;

impl Object for RegistryProvider {
    class!(REGISTRY);

    fn call(&mut self, host: &mut Host, member: &'static str, args: &[Value]) -> Answer {
        let root = match argument(args, 0).to_number().rem_euclid(4_294_967_296.0).to_bits() {
            bits if bits == 2_147_483_648_f64.to_bits() => "HKCR",
            bits if bits == 2_147_483_649_f64.to_bits() => "HKCU",
            bits if bits == 2_147_483_651_f64.to_bits() => "HKU",
            _ => "HKLM",
        };
        let key = full(&format!("{root}\\{}\\{}", text(args, 1), text(args, 2)));
        let operation = match member.get(..3) {
            Some("Set" | "Cre") => "write",
            Some("Del") => "delete",
            _ => "read",
        };
        host.registry_touched(operation, &key);
        if operation == "write" {
            host.registry.write(&key, argument(args, 3).clone());
        }
        Ok(Value::number(0))
    }

    fn put(&mut self, _host: &mut Host, _member: &'static str, _args: &[Value], _value: Value) -> Result<(), Fault> {
        Ok(())
    }
}
