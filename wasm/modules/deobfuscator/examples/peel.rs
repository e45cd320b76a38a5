use module_kit::{Call, Module};
fn main() {
    let mut quiet = false;
    for path in std::env::args().skip(1) {
        if path == "-q" {
            quiet = true;
            continue;
        }
        let data = std::fs::read(&path).unwrap();
        let name = path.rsplit('/').next().unwrap();
        let call = Call::parse(
            &serde_json::json!({"function":"analyze","args":{},"sample":{"size":data.len(),"name":name}}).to_string(),
        )
        .unwrap();
        let t = std::time::Instant::now();
        let out = deobfuscator::Deobfuscator::analyze(&call, Some(&data)).unwrap();
        let ms = t.elapsed().as_millis();
        let v = serde_json::to_value(&out).unwrap();
        let f: Vec<String> = v["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| format!("{}:{}", f["id"].as_str().unwrap(), f["severity"].as_str().unwrap()))
            .collect();
        println!(
            "## {path} {}B {ms}ms lang={} layers={} used={} {f:?}",
            data.len(),
            v["data"]["language"],
            v["data"]["layers"].as_array().unwrap().len(),
            v["data"]["used"]
        );
        if !quiet {
            for l in v["data"]["layers"].as_array().unwrap() {
                println!(
                    "-- layer {} parent={} {} {} conf={} off={} len={} size={} steps={} key={}\n   BEFORE {}\n   AFTER  {}\n   strings={} ioc={}",
                    l["index"],
                    l["parent"],
                    l["technique"],
                    l["language"],
                    l["confidence"],
                    l["offset"],
                    l["length"],
                    l["size"],
                    l["steps"],
                    l["key"],
                    l["before"].as_str().unwrap().chars().take(200).collect::<String>(),
                    l["after"].as_str().unwrap().chars().take(700).collect::<String>(),
                    l["strings"].to_string().chars().take(300).collect::<String>(),
                    l["indicators"]
                );
            }
            println!("children={}", v["data"]["children"]);
        }
    }
}
