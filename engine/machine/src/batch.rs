//! `ItemBatcher`: items to the inputs of child executions (AWS developer guide, "ItemBatcher").

use stepyard_json::{Json, Object};

/// Limits of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchLimits {
    /// `MaxItemsPerBatch`; any number when absent.
    pub items: Option<u64>,
    /// `MaxInputBytesPerBatch`: of the whole input, `BatchInput` included, as JSON text. When absent, what any execution
    /// may be given.
    pub input_bytes: Option<u64>,
}

/// The items of one child execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Its input: `{"BatchInput":...,"Items":[...]}`, without the first member when there is no `BatchInput`.
    pub input: Json,
    /// How many items are in it, at least one.
    pub items: u64,
}

/// Groups items, in their order, into batches that are as large as the limits allow. It holds one batch.
#[derive(Debug)]
pub struct Batcher {
    items_max: Option<u64>,
    bytes_max: u64,
    batch_input: Option<Json>,
    /// Bytes of an input without items.
    frame_bytes: u64,
    items: Vec<Json>,
    bytes: u64,
}

impl Batcher {
    /// For batches within these limits, each with that `BatchInput`. An execution may be given so many bytes.
    pub fn new(limits: BatchLimits, batch_input: Option<Json>, data_bytes: usize) -> Batcher {
        let frame_bytes = text_len(&input_of(batch_input.as_ref(), Vec::new()));
        Batcher {
            items_max: limits.items,
            bytes_max: limits.input_bytes.unwrap_or(data_bytes as u64),
            batch_input,
            frame_bytes,
            items: Vec::new(),
            bytes: frame_bytes,
        }
    }

    /// Takes an item, and gives the batch that is complete with it or without it. One that is larger than a batch may
    /// be has a batch of its own: what an execution takes as input is for others to say.
    pub fn push(&mut self, item: Json) -> Option<Batch> {
        let bytes = text_len(&item);
        let separator = u64::from(!self.items.is_empty());
        let fits = self.bytes + separator + bytes <= self.bytes_max;
        let before = if fits { None } else { self.take() };
        self.bytes += bytes + u64::from(!self.items.is_empty());
        self.items.push(item);
        let is_full = self.items_max.is_some_and(|most| self.items.len() as u64 >= most);
        // Not both: a batch that is full with one item is never there when the next one comes.
        before.or_else(|| if is_full { self.take() } else { None })
    }

    /// The last batch, unless it has no items.
    pub fn finish(mut self) -> Option<Batch> {
        self.take()
    }

    fn take(&mut self) -> Option<Batch> {
        let items = std::mem::take(&mut self.items);
        self.bytes = self.frame_bytes;
        let count = items.len() as u64;
        (count > 0)
            .then(|| Batch { input: input_of(self.batch_input.as_ref(), items), items: count })
    }
}

fn input_of(batch_input: Option<&Json>, items: Vec<Json>) -> Json {
    let mut input = Object::new();
    if let Some(batch_input) = batch_input {
        input.insert("BatchInput", batch_input.clone());
    }
    input.insert("Items", items);
    input.into()
}

fn text_len(json: &Json) -> u64 {
    json.text_len() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use stepyard_json::Json;

    use super::{BatchLimits, Batcher};
    use crate::Limits;

    fn batches(limits: BatchLimits, batch_input: Option<&str>, items: &[Json]) -> Vec<String> {
        let batch_input = batch_input.map(|text| Json::parse(text).unwrap());
        let mut batcher = Batcher::new(limits, batch_input, Limits::AWS.data_bytes);
        let mut batches: Vec<_> =
            items.iter().filter_map(|item| batcher.push(item.clone())).collect();
        batches.extend(batcher.finish());
        let count: u64 = batches.iter().map(|batch| batch.items).sum();
        assert_eq!(count, items.len() as u64);
        batches.into_iter().map(|batch| batch.input.to_string()).collect()
    }

    fn numbers(count: i64) -> Vec<Json> {
        (0..count).map(Json::from).collect()
    }

    #[test]
    fn batches_hold_so_many_items_and_their_common_input() {
        let limits = BatchLimits { items: Some(2), input_bytes: None };
        assert_eq!(
            batches(limits, Some(r#"{"a":1.0}"#), &numbers(3)),
            [
                r#"{"BatchInput":{"a":1.0},"Items":[0,1]}"#,
                r#"{"BatchInput":{"a":1.0},"Items":[2]}"#
            ]
        );
        assert_eq!(batches(limits, None, &numbers(2)), [r#"{"Items":[0,1]}"#]);
        assert_eq!(batches(limits, None, &[]), [""; 0]);
    }

    #[test]
    fn batches_have_so_many_bytes() {
        let limits = BatchLimits { items: None, input_bytes: Some(15) };
        assert_eq!(batches(limits, None, &numbers(3)), [r#"{"Items":[0,1]}"#, r#"{"Items":[2]}"#]);
        let large = Json::from("larger than a batch may be");
        let items = [Json::from(1), large, Json::from(2)];
        assert_eq!(
            batches(limits, None, &items),
            [r#"{"Items":[1]}"#, r#"{"Items":["larger than a batch may be"]}"#, r#"{"Items":[2]}"#]
        );
    }

    #[test]
    fn a_batch_is_never_larger_than_an_input() {
        let items = vec![Json::from("x".repeat(100_000)); 5];
        let limits = BatchLimits { items: Some(4), input_bytes: None };
        let sizes: Vec<_> = batches(limits, None, &items).iter().map(String::len).collect();
        assert_eq!(sizes, [200_017, 200_017, 100_014]);
    }

    proptest! {
        /// The naive way: a batch ends where one more item would break a limit.
        #[test]
        fn batches_are_as_large_as_they_may_be(
            lengths in prop::collection::vec(0_usize..20, 0..30),
            items in prop::option::of(1_u64..6),
            input_bytes in prop::option::of(1_u64..80),
            has_batch_input in any::<bool>(),
        ) {
            let batch_input = has_batch_input.then_some(r#"{"x":[1,2]}"#);
            let all: Vec<Json> = lengths.iter().map(|length| "é".repeat(*length).into()).collect();
            let written = |chosen: &[Json]| {
                let head = batch_input.map(|input| format!(r#""BatchInput":{input},"#));
                let items: Json = chosen.iter().cloned().collect();
                format!(r#"{{{}"Items":{items}}}"#, head.unwrap_or_default())
            };
            let fits = |chosen: &[Json]| {
                chosen.len() == 1
                    || items.is_none_or(|most| chosen.len() as u64 <= most)
                        && input_bytes.is_none_or(|most| written(chosen).len() as u64 <= most)
            };
            let mut expected = Vec::new();
            let mut rest = &all[..];
            while !rest.is_empty() {
                let count = (1..=rest.len()).take_while(|count| fits(&rest[..*count])).last().unwrap();
                expected.push(written(&rest[..count]));
                rest = &rest[count..];
            }
            prop_assert_eq!(batches(BatchLimits { items, input_bytes }, batch_input, &all), expected);
        }
    }
}
