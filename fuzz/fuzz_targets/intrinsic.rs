//! Any intrinsic function on any data, the two parted by a line feed: the call as it is shown means the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stepyard_asl::{Env, Intrinsic, Random};
use stepyard_json::{Json, Payload};

fuzz_target!(|text: &str| {
    let (call, data) = text.split_once('\n').unwrap_or((text, r#"{"a":[1,2.5,"x",null],"n":3}"#));
    let Ok(intrinsic) = Intrinsic::parse(call) else { return };
    let Ok(json) = Json::parse(data) else { return };
    let data = Payload::from(json);
    let context = Json::empty_object();
    let eval = |intrinsic: &Intrinsic| {
        let mut random = Random::from_seed(0);
        intrinsic.eval(&mut Env::new(&data, &context, &mut random))
    };
    let shown = Intrinsic::parse(&intrinsic.to_string()).expect("what is shown is a call");
    assert_eq!(eval(&shown), eval(&intrinsic));
});
