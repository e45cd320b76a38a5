//! Dalvik executables: header, checksum, classes, and which methods of the platform are named.

use module_kit::{Finding, Findings, Severity};

use crate::facts::Dex;
use crate::facts::contents::cut_texts;
use crate::reader::{Reader, text};

/// Methods and classes that are walked: 16 bits number them.
const MAX_METHODS: u32 = 65_536;
const MAX_CLASSES: u32 = 65_536;
const MAX_TEXT: u64 = 512;
/// Class, method, and what for.
const APIS: [(&str, &str, &str); 20] = [
    ("Ljava/lang/Runtime;", "exec", "command"),
    ("Ljava/lang/ProcessBuilder;", "start", "command"),
    ("Ldalvik/system/DexClassLoader;", "<init>", "loads code"),
    ("Ldalvik/system/PathClassLoader;", "<init>", "loads code"),
    ("Ldalvik/system/InMemoryDexClassLoader;", "<init>", "loads code"),
    ("Ldalvik/system/DexFile;", "loadDex", "loads code"),
    ("Ljava/lang/System;", "load", "native code"),
    ("Ljava/lang/System;", "loadLibrary", "native code"),
    ("Ljava/lang/reflect/Method;", "invoke", "reflection"),
    ("Landroid/telephony/SmsManager;", "sendTextMessage", "messages"),
    ("Landroid/telephony/SmsManager;", "sendMultipartTextMessage", "messages"),
    ("Landroid/telephony/TelephonyManager;", "getDeviceId", "identity"),
    ("Landroid/telephony/TelephonyManager;", "getSubscriberId", "identity"),
    ("Landroid/telephony/TelephonyManager;", "getLine1Number", "identity"),
    ("Landroid/app/admin/DevicePolicyManager;", "lockNow", "device"),
    ("Landroid/app/admin/DevicePolicyManager;", "wipeData", "device"),
    ("Landroid/app/admin/DevicePolicyManager;", "resetPassword", "device"),
    ("Landroid/accessibilityservice/AccessibilityService;", "performGlobalAction", "control"),
    ("Landroid/content/pm/PackageManager;", "setComponentEnabledSetting", "hides itself"),
    ("Landroid/media/MediaRecorder;", "start", "records"),
];

struct Tables<'a> {
    reader: Reader<'a>,
    strings: u64,
    string_count: u32,
    types: u64,
    type_count: u32,
}

pub fn parse(data: &[u8], findings: &mut Findings) -> Option<Dex> {
    let reader = Reader::little(data);
    let field = |at| reader.u32(at);
    let (Some(string_count), Some(type_count), Some(method_count), Some(class_count)) =
        (field(56), field(64), field(88), field(96))
    else {
        findings.malformed("dex-header", "The header is cut off.");
        return None;
    };
    let place = |at| field(at).map_or(0, u64::from);
    let tables = Tables { reader, strings: place(60), string_count, types: place(68), type_count };
    let is_checksum_valid = field(8) == Some(adler32(reader.upto(12, u64::MAX)));
    if !is_checksum_valid {
        findings.malformed("dex-checksum", "The checksum in the header is not that of the content.");
    }
    let mut dex = Dex {
        version: text(data.get(4..7).unwrap_or_default(), 3),
        is_checksum_valid,
        strings: string_count,
        methods: method_count,
        class_count,
        classes: tables.classes(place(100), class_count),
        apis: tables.apis(place(92), method_count),
    };
    judge(&dex, findings);
    cut_texts(&mut dex.classes);
    Some(dex)
}

fn adler32(data: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (mut low, mut high) = (1_u32, 0_u32);
    // So many bytes fit before the sums overflow.
    for block in data.chunks(5_552) {
        for &byte in block {
            low += u32::from(byte);
            high += low;
        }
        (low, high) = (low % MODULUS, high % MODULUS);
    }
    high << 16 | low
}

impl Tables<'_> {
    /// The bytes of a text: its length in LEB128, then modified UTF-8 up to a NUL.
    fn bytes(&self, index: u32) -> Option<&[u8]> {
        (index < self.string_count).then_some(())?;
        let mut at = u64::from(self.reader.u32(self.strings + 4 * u64::from(index))?);
        for _ in 0..5 {
            at += 1;
            if self.reader.u8(at - 1)? & 0x80 == 0 {
                break;
            }
        }
        self.reader.c_string(at, MAX_TEXT)
    }

    fn type_name(&self, index: u32) -> Option<&[u8]> {
        (index < self.type_count).then_some(())?;
        self.bytes(self.reader.u32(self.types + 4 * u64::from(index))?)
    }

    fn classes(&self, start: u64, count: u32) -> Vec<String> {
        let class = |index: u32| self.reader.u32(start + 32 * u64::from(index));
        let names = (0..count.min(MAX_CLASSES)).map_while(class).filter_map(|index| self.type_name(index));
        names.take(2_000).map(|name| text(name, 256)).collect()
    }

    fn apis(&self, start: u64, count: u32) -> Vec<String> {
        let mut found = Vec::new();
        for index in 0..count.min(MAX_METHODS) {
            let at = start + 8 * u64::from(index);
            let (Some(class), Some(name)) = (self.reader.u16(at), self.reader.u32(at + 4)) else { break };
            let Some(class) = self.type_name(class.into()) else { continue };
            if !APIS.iter().any(|(own, ..)| own.as_bytes() == class) {
                continue;
            }
            let name = self.bytes(name).unwrap_or_default();
            let known = APIS.iter().find(|(own, method, _)| own.as_bytes() == class && method.as_bytes() == name);
            if let Some((class, method, what)) = known {
                let class = class.trim_start_matches('L').trim_end_matches(';').replace('/', ".");
                found.push(format!("{class}.{method} ({what})"));
            }
        }
        found.sort();
        found.dedup();
        found
    }
}

fn judge(dex: &Dex, findings: &mut Findings) {
    let of = |what: &str| dex.apis.iter().filter(|api| api.ends_with(&format!("({what})"))).collect::<Vec<_>>();
    let rows: [(&str, &str, &str, &'static str); 5] = [
        ("loads code", "dex-loads-code", "Loads code that is not in the package", "T1407"),
        ("command", "dex-commands", "Runs commands of the system", "T1623.001"),
        ("messages", "dex-messages", "Sends text messages", "T1582"),
        ("device", "dex-device", "Locks or wipes the device", "T1629.002"),
        ("hides itself", "dex-hides", "Turns its own components on or off", "T1628.001"),
    ];
    for (what, id, title, technique) in rows {
        let found = of(what);
        if !found.is_empty() {
            findings.add(Finding::new(id, Severity::Low, 60, title).quotes(found).techniques(&[technique]));
        }
    }
}
