//! What imported functions suggest that a program can do. An import is a possibility, not a deed: the severities stay
//! low unless several functions of one trick come together.

use module_kit::{Finding, Findings, Severity};
use std::collections::HashSet;

/// Functions that together make one behaviour.
pub struct Behaviour {
    id: &'static str,
    title: &'static str,
    severity: Severity,
    confidence: u8,
    techniques: &'static [&'static str],
    /// So many of `functions` must be imported.
    at_least: usize,
    functions: &'static [&'static str],
}

const fn row(
    id: &'static str,
    title: &'static str,
    severity: Severity,
    confidence: u8,
    techniques: &'static [&'static str],
    at_least: usize,
    functions: &'static [&'static str],
) -> Behaviour {
    Behaviour { id, title, severity, confidence, techniques, at_least, functions }
}

use Severity::{Info, Low, Medium};

/// Names are without the `A` or `W` of the character set.
#[rustfmt::skip]
pub const WINDOWS: &[Behaviour] = &[
    row("imports-process-injection", "Functions to put code into another process", Medium, 60, &["T1055"], 3,
        &["VirtualAllocEx", "WriteProcessMemory", "CreateRemoteThread", "CreateRemoteThreadEx", "NtCreateThreadEx", "RtlCreateUserThread", "NtWriteVirtualMemory", "ZwWriteVirtualMemory", "NtAllocateVirtualMemory", "VirtualProtectEx", "NtMapViewOfSection", "ZwMapViewOfSection", "QueueUserAPC", "NtQueueApcThread"]),
    row("imports-process-hollowing", "Functions to replace the code of a suspended process", Medium, 65, &["T1055.012"], 3,
        &["NtUnmapViewOfSection", "ZwUnmapViewOfSection", "SetThreadContext", "Wow64SetThreadContext", "NtWriteVirtualMemory", "ResumeThread", "NtResumeThread", "WriteProcessMemory"]),
    row("imports-keylogging", "Functions to read the keyboard of other programs", Low, 55, &["T1056.001"], 2,
        &["SetWindowsHookEx", "GetAsyncKeyState", "GetKeyboardState", "RegisterRawInputDevices", "GetRawInputData", "GetKeyNameText"]),
    row("imports-screen-capture", "Functions to copy the screen", Info, 50, &["T1113"], 4,
        &["BitBlt", "StretchBlt", "CreateCompatibleBitmap", "CreateCompatibleDC", "GetDC", "GetWindowDC", "GetDesktopWindow", "GetDIBits"]),
    row("imports-clipboard", "Functions to read the clipboard", Info, 60, &["T1115"], 2,
        &["OpenClipboard", "GetClipboardData", "AddClipboardFormatListener", "SetClipboardViewer"]),
    row("imports-anti-debugging", "Functions that tell whether a debugger is attached", Low, 50, &["T1622"], 1,
        &["CheckRemoteDebuggerPresent", "NtQueryInformationProcess", "ZwQueryInformationProcess", "NtSetInformationThread", "ZwSetInformationThread", "DbgUiRemoteBreakin", "DebugActiveProcessStop"]),
    row("imports-dynamic-resolve", "Functions to find other functions at run time", Info, 70, &["T1027.007"], 2,
        &["LoadLibrary", "LoadLibraryEx", "GetProcAddress", "LdrLoadDll", "LdrGetProcedureAddress"]),
    row("imports-download", "Functions that download a file in one call", Medium, 65, &["T1105"], 1,
        &["URLDownloadToFile", "URLDownloadToCacheFile", "URLOpenBlockingStream"]),
    row("imports-http", "Functions of HTTP clients", Low, 60, &["T1071.001"], 3,
        &["InternetOpen", "InternetOpenUrl", "InternetConnect", "InternetReadFile", "HttpOpenRequest", "HttpSendRequest", "WinHttpOpen", "WinHttpConnect", "WinHttpOpenRequest", "WinHttpSendRequest", "WinHttpReadData"]),
    row("imports-sockets", "Functions of network sockets", Info, 70, &["T1095"], 3,
        &["socket", "connect", "send", "recv", "bind", "listen", "accept", "WSASocket", "WSAConnect", "WSASend", "WSARecv", "gethostbyname", "getaddrinfo"]),
    row("imports-registry-write", "Functions that write to the registry", Info, 60, &["T1112"], 2,
        &["RegSetValueEx", "RegSetValue", "RegCreateKeyEx", "RegCreateKey", "RegSetKeyValue", "SHSetValue", "RegDeleteValue"]),
    row("imports-services", "Functions that install or control services", Low, 55, &["T1543.003"], 2,
        &["CreateService", "ChangeServiceConfig", "ChangeServiceConfig2", "StartService", "OpenSCManager"]),
    row("imports-encryption", "Functions that encrypt", Info, 60, &["T1027"], 2,
        &["CryptEncrypt", "CryptDecrypt", "CryptGenKey", "CryptDeriveKey", "CryptImportKey", "BCryptEncrypt", "BCryptDecrypt", "BCryptGenerateSymmetricKey"]),
    row("imports-credentials", "Functions that read stored credentials or another process's memory", Low, 55, &["T1003", "T1555"], 1,
        &["CredEnumerate", "CryptUnprotectData", "LsaEnumerateLogonSessions", "LsaRetrievePrivateData", "SamIConnect", "MiniDumpWriteDump", "VaultEnumerateItems"]),
    row("imports-privileges", "Functions that change the privileges of a token", Info, 60, &["T1134"], 2,
        &["AdjustTokenPrivileges", "LookupPrivilegeValue", "ImpersonateLoggedOnUser", "DuplicateTokenEx", "CreateProcessWithToken", "CreateProcessAsUser"]),
    row("imports-execution", "Functions that start programs", Info, 70, &["T1106"], 1,
        &["CreateProcess", "ShellExecute", "ShellExecuteEx", "WinExec", "CreateProcessInternal", "NtCreateUserProcess"]),
    row("imports-process-discovery", "Functions that list processes", Info, 60, &["T1057"], 2,
        &["CreateToolhelp32Snapshot", "Process32First", "Process32Next", "EnumProcesses", "NtQuerySystemInformation", "WTSEnumerateProcesses"]),
    row("imports-shutdown", "Functions that shut the machine down", Info, 60, &["T1529"], 1,
        &["ExitWindowsEx", "InitiateSystemShutdown", "InitiateSystemShutdownEx", "NtShutdownSystem", "NtRaiseHardError"]),
    row("imports-drives", "Functions that list drives and shares", Info, 50, &["T1083", "T1135"], 2,
        &["GetLogicalDrives", "GetLogicalDriveStrings", "WNetEnumResource", "WNetOpenEnum", "NetShareEnum"]),
];

#[rustfmt::skip]
pub const LINUX: &[Behaviour] = &[
    row("imports-tracing", "Functions to control another process", Low, 55, &["T1055.008"], 1, &["ptrace", "process_vm_writev"]),
    row("imports-fileless", "Functions to run a program from memory", Medium, 55, &["T1620"], 2, &["memfd_create", "fexecve", "execveat"]),
    row("imports-kernel-module", "Functions that load kernel modules", Medium, 60, &["T1547.006"], 1, &["init_module", "finit_module", "delete_module"]),
    row("imports-execution", "Functions that start programs", Info, 70, &["T1106"], 1, &["execve", "execv", "execvp", "execl", "execlp", "system", "popen", "posix_spawn", "posix_spawnp"]),
    row("imports-sockets", "Functions of network sockets", Info, 70, &["T1095"], 3, &["socket", "connect", "bind", "listen", "accept", "accept4", "send", "sendto", "recv", "recvfrom", "getaddrinfo", "gethostbyname"]),
    row("imports-dynamic-resolve", "Functions to find other functions at run time", Info, 60, &["T1027.007"], 2, &["dlopen", "dlsym", "dlmopen"]),
    row("imports-privileges", "Functions that change the user", Info, 50, &["T1548.001"], 2, &["setuid", "setgid", "seteuid", "setresuid", "setresgid", "setgroups"]),
    row("imports-packet-capture", "Functions of packet capture", Low, 60, &["T1040"], 1, &["pcap_open_live", "pcap_loop", "pcap_next_ex"]),
];

#[rustfmt::skip]
pub const MACOS: &[Behaviour] = &[
    row("imports-process-injection", "Functions to put code into another process", Medium, 60, &["T1055"], 2, &["task_for_pid", "mach_vm_write", "mach_vm_allocate", "mach_vm_protect", "thread_create_running"]),
    row("imports-anti-debugging", "Functions that tell whether a debugger is attached", Info, 45, &["T1622"], 1, &["ptrace"]),
    row("imports-keylogging", "Functions to watch input events", Low, 60, &["T1056.001"], 1, &["CGEventTapCreate", "IOHIDManagerRegisterInputValueCallback"]),
    row("imports-screen-capture", "Functions to copy the screen", Low, 55, &["T1113"], 1, &["CGDisplayCreateImage", "CGWindowListCreateImage"]),
    row("imports-privileges", "Functions that ask for administrator rights", Low, 60, &["T1548.004"], 1, &["AuthorizationExecuteWithPrivileges"]),
    row("imports-credentials", "Functions that read the key chain", Info, 55, &["T1555.001"], 1, &["SecKeychainFindGenericPassword", "SecKeychainItemCopyContent", "SecItemCopyMatching"]),
    row("imports-execution", "Functions that start programs", Info, 70, &["T1106"], 1, &["execve", "execv", "execvp", "system", "popen", "posix_spawn", "posix_spawnp"]),
    row("imports-sockets", "Functions of network sockets", Info, 70, &["T1095"], 3, &["socket", "connect", "bind", "listen", "accept", "send", "sendto", "recv", "recvfrom", "getaddrinfo"]),
    row("imports-dynamic-resolve", "Functions to find other functions at run time", Info, 60, &["T1027.007"], 2, &["dlopen", "dlsym", "NSAddressOfSymbol"]),
];

/// `imports` are names of functions.
pub fn judge<'a>(behaviours: &[Behaviour], imports: impl Iterator<Item = &'a str>, findings: &mut Findings) {
    let imported: HashSet<&str> = imports.flat_map(variants).collect();
    for behaviour in behaviours {
        let found: Vec<_> = behaviour.functions.iter().filter(|name| imported.contains(*name)).collect();
        if found.len() >= behaviour.at_least {
            findings.add(
                Finding::new(behaviour.id, behaviour.severity, behaviour.confidence, behaviour.title)
                    .quotes(found)
                    .techniques(behaviour.techniques),
            );
        }
    }
}

/// The name as it is, and without what a character set (Windows) or the C language (macOS) adds.
fn variants(name: &str) -> [&str; 2] {
    let plain = name.strip_suffix(['A', 'W']).unwrap_or(name);
    [name, plain.strip_prefix('_').unwrap_or(plain)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> Vec<String> {
        let mut findings = Findings::default();
        judge(WINDOWS, names.iter().copied(), &mut findings);
        findings.into_sorted().into_iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn one_function_of_a_trick_is_not_the_trick() {
        assert!(ids(&["WriteProcessMemory"]).is_empty());
        assert_eq!(ids(&["WriteProcessMemory", "VirtualAllocEx", "CreateRemoteThread"]), ["imports-process-injection"]);
    }

    #[test]
    fn character_sets_do_not_matter() {
        assert_eq!(ids(&["URLDownloadToFileW"]), ["imports-download"]);
        assert_eq!(ids(&["URLDownloadToFileA"]), ["imports-download"]);
    }

    #[test]
    fn ids_of_one_platform_are_unique() {
        for table in [WINDOWS, LINUX, MACOS] {
            let ids: HashSet<_> = table.iter().map(|row| row.id).collect();
            assert_eq!(ids.len(), table.len());
        }
    }
}
