//! Any path on any data, the two parted by a line feed: an indefinite path gives an array, unless it ends with a
//! function, and what is put at a reference path is found there.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stepyard_asl::{Env, Path, Random};
use stepyard_json::{Json, Payload, ReferencePath};

fuzz_target!(|text: &str| {
    let (path, data) = text.split_once('\n').unwrap_or((text, r#"{"a":[{"b":1},{"b":"x"},[null]]}"#));
    let Ok(json) = Json::parse(data) else { return };
    if let Ok(reference) = ReferencePath::parse(path)
        && let Ok(changed) = reference.set(&json, Json::from("put here"))
    {
        assert_eq!(reference.get(&changed), Some(&Json::from("put here")));
    }
    let Ok(path) = Path::parse(path) else { return };
    let data = Payload::from(json);
    let context = Json::empty_object();
    let mut random = Random::from_seed(0);
    let env = Env::new(&data, &context, &mut random);
    if let Ok(found) = path.eval(&env) {
        let is_one_value = path.is_definite() || path.as_str().ends_with(')');
        assert!(is_one_value || found.as_array().is_some(), "{path} gives {found}");
    }
});
