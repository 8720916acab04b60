//! Parquet files, written by the crate that reads them.

use std::sync::Arc;

use ::parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use ::parquet::data_type::*;
use ::parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::parser::parse_message_type;

use super::*;

type RowGroup<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

fn writer(schema: &str, compression: Compression) -> SerializedFileWriter<Vec<u8>> {
    writer_with(schema, WriterProperties::builder().set_compression(compression))
}

fn writer_with(schema: &str, properties: WriterPropertiesBuilder) -> SerializedFileWriter<Vec<u8>> {
    let schema = parse_message_type(schema).unwrap();
    SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties.build())).unwrap()
}

/// Writes a column with its definition and repetition levels.
fn column<T: DataType>(
    group: &mut RowGroup<'_>,
    values: &[T::T],
    definitions: Option<&[i16]>,
    repetitions: Option<&[i16]>,
) {
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<T>().write_batch(values, definitions, repetitions).unwrap();
    column.close().unwrap();
}

/// A file with a number in each row.
fn numbers(compression: Compression, groups: &[&[i64]]) -> Vec<u8> {
    let mut file = writer("message m { required int64 n; }", compression);
    for rows in groups {
        let mut group = file.next_row_group().unwrap();
        column::<Int64Type>(&mut group, rows, None, None);
        group.close().unwrap();
    }
    file.into_inner().unwrap()
}

fn parquet(key: &str) -> ReadRequest {
    object(key, config(InputType::Parquet))
}

#[tokio::test]
async fn rows_of_all_row_groups_are_items() {
    let world = World::new();
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        world.put("a.parquet", numbers(compression, &[&[1, 2, 3], &[4], &[-5, 6]])).await;
        let expected = [1, 2, 3, 4, -5, 6].map(|n| format!(r#"{{"n":{n}}}"#));
        assert_eq!(world.inputs(&parquet("a.parquet")).await, expected, "{compression}");
    }
    world.put("empty.parquet", numbers(Compression::SNAPPY, &[])).await;
    assert_eq!(world.inputs(&parquet("empty.parquet")).await, [""; 0]);
}

/// In pages of the second version the levels are not compressed.
#[tokio::test]
async fn pages_of_the_second_version_are_read() {
    let properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(Compression::GZIP(GzipLevel::default()));
    let mut file = writer_with("message m { optional int64 n; }", properties);
    let mut group = file.next_row_group().unwrap();
    column::<Int64Type>(&mut group, &[7; 100], Some(&[&[0][..], &[1; 100]].concat()), None);
    group.close().unwrap();
    let world = World::new();
    world.put("a.parquet", file.into_inner().unwrap()).await;
    let items = world.inputs(&parquet("a.parquet")).await;
    assert_eq!((items.len(), &*items[0], &*items[100]), (101, r#"{"n":null}"#, r#"{"n":7}"#));
}

#[tokio::test]
async fn many_rows_are_read_piece_by_piece() {
    let world = World::new();
    let rows: Vec<i64> = (0..3_000).collect();
    world.put("a.parquet", numbers(Compression::SNAPPY, &[&rows[..2_000], &rows[2_000..]])).await;
    let read = rest(&world.objects, &parquet("a.parquet"), Cursor::default()).await.unwrap();
    let read: Vec<_> = read.iter().map(|item| item.value.get("n").unwrap().as_i64()).collect();
    assert_eq!(read, rows.iter().copied().map(Some).collect::<Vec<_>>());
    let etag = world.objects.head(BUCKET, "a.parquet").await.unwrap().etag;
    let cursor = |items| Cursor { items, offset: items, etag: etag.clone(), ..Cursor::default() };
    for at in [1, 256, 1_999, 2_000, 2_001, 2_999, 3_000] {
        let left = rest(&world.objects, &parquet("a.parquet"), cursor(at)).await.unwrap();
        let first = left.first().map(|item| item.value.get("n").unwrap().as_i64().unwrap() as u64);
        assert_eq!((left.len() as u64, first), (3_000 - at, Some(at).filter(|at| *at < 3_000)));
    }
}

const TYPES: &str = "message m {
    required int32 small (INTEGER(8,true));
    optional int64 large (INTEGER(64,false));
    optional float single;
    optional double double;
    optional boolean flag;
    optional byte_array text (UTF8);
    optional byte_array raw;
    optional int32 price (DECIMAL(9,2));
    optional fixed_len_byte_array(3) change (DECIMAL(6,4));
    optional int32 day (DATE);
    optional int32 clock (TIME(MILLIS,true));
    optional int64 at (TIMESTAMP(MILLIS,true));
    optional int64 exactly (TIMESTAMP(MICROS,true));
    optional group tags (LIST) { repeated group list { optional byte_array element (UTF8); } }
    optional group counts (MAP) {
        repeated group key_value { required int32 key; optional int32 value; }
    }
    optional group inner { optional int32 x; }
}";

/// A row in which everything is there, and one in which nothing is that need not be.
fn all_types() -> Vec<u8> {
    let mut file = writer(TYPES, Compression::SNAPPY);
    let mut group = file.next_row_group().unwrap();
    let there = Some(&[1, 0][..]);
    column::<Int32Type>(&mut group, &[-7, 0], None, None);
    column::<Int64Type>(&mut group, &[-1], there, None);
    column::<FloatType>(&mut group, &[0.1], there, None);
    column::<DoubleType>(&mut group, &[f64::NAN], there, None);
    column::<BoolType>(&mut group, &[true], there, None);
    column::<ByteArrayType>(&mut group, &["ü".into()], there, None);
    column::<ByteArrayType>(&mut group, &[vec![0, 255].into()], there, None);
    column::<Int32Type>(&mut group, &[-5], there, None);
    let change = FixedLenByteArray::from(vec![0xff, 0xff, 0xfe]);
    column::<FixedLenByteArrayType>(&mut group, &[change], there, None);
    column::<Int32Type>(&mut group, &[19_782], there, None);
    column::<Int32Type>(&mut group, &[3_661_500], there, None);
    column::<Int64Type>(&mut group, &[1_709_210_096_000], there, None);
    column::<Int64Type>(&mut group, &[1_709_210_096_000_001], there, None);
    column::<ByteArrayType>(&mut group, &["a".into()], Some(&[3, 2, 0]), Some(&[0, 1, 0]));
    column::<Int32Type>(&mut group, &[1, 2], Some(&[2, 2, 0]), Some(&[0, 1, 0]));
    column::<Int32Type>(&mut group, &[10], Some(&[3, 2, 0]), Some(&[0, 1, 0]));
    column::<Int32Type>(&mut group, &[4], Some(&[2, 0]), None);
    group.close().unwrap();
    file.into_inner().unwrap()
}

#[tokio::test]
async fn types_that_json_has_not_are_texts() {
    let world = World::new();
    world.put("a.parquet", all_types()).await;
    let items = world.inputs(&parquet("a.parquet")).await;
    assert_eq!(
        items[0],
        concat!(
            r#"{"small":-7,"large":18446744073709551615,"single":0.1,"double":null,"flag":true,"text":"ü","#,
            r#""raw":"AP8=","price":"-0.05","change":"-0.0002","day":"2024-02-29","clock":"01:01:01.5","#,
            r#""at":"2024-02-29T12:34:56Z","exactly":"2024-02-29T12:34:56.000001Z","tags":["a",null],"#,
            r#""counts":{"1":10,"2":null},"inner":{"x":4}}"#
        )
    );
    let nothing = items[1].replacen(r#"{"small":0,"#, "{", 1);
    assert_eq!(nothing.matches("null").count(), 15, "{nothing}");
}

#[tokio::test]
async fn what_is_no_parquet_file_is_told_with_its_name() {
    let world = World::new();
    let whole = numbers(Compression::SNAPPY, &[&[1, 2, 3]]);
    let mut long_footer = whole.clone();
    let at = long_footer.len() - 8;
    long_footer[at..at + 4].copy_from_slice(&5_000_u32.to_le_bytes());
    let mut large_footer = whole.clone();
    large_footer[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut encrypted = whole.clone();
    encrypted[at + 4..].copy_from_slice(b"PARE");
    for (body, cause) in [
        (b"{}".to_vec(), "it does not begin as a Parquet file does"),
        (b"a,b\n1,2\n3,4\n5,6\n".to_vec(), "it does not begin as a Parquet file does"),
        (
            whole[..whole.len() - 1].to_vec(),
            "it does not end as a Parquet file does, or it is encrypted",
        ),
        (encrypted, "it does not end as a Parquet file does, or it is encrypted"),
        (long_footer, "its footer is longer than the file"),
        (large_footer, "its footer has 4294967295 bytes, more than 5242880"),
    ] {
        world.put("x.parquet", body).await;
        let told = format!("The file x.parquet in data cannot be read as Parquet: {cause}");
        assert_eq!(world.fault(&parquet("x.parquet")).await, told);
    }
}

#[tokio::test]
async fn a_damaged_file_is_told_and_takes_nothing_with_it() {
    let world = World::new();
    let rows: Vec<i64> = (0..500).map(|n| n * n).collect();
    let whole = numbers(Compression::GZIP(GzipLevel::default()), &[&rows]);
    let (mut told, mut all) = (0, 0);
    for at in (4..whole.len()).step_by(5) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        world.put("x.parquet", damaged).await;
        // Damage in what nobody needs, such as statistics, is not seen.
        let read = rest(&world.objects, &parquet("x.parquet"), Cursor::default()).await;
        if let Err(error) = read {
            let begins = "The file x.parquet in data cannot be read as Parquet: ";
            assert!(error.cause.starts_with(begins), "byte {at}: {}", error.cause);
            told += 1;
        }
        all += 1;
    }
    assert!(told > all / 4, "{told} of {all}");
}

#[tokio::test]
async fn intervals_are_refused() {
    let schema = "message m { optional fixed_len_byte_array(12) length (INTERVAL); }";
    let mut file = writer(schema, Compression::SNAPPY);
    let mut group = file.next_row_group().unwrap();
    column::<FixedLenByteArrayType>(&mut group, &[], Some(&[0]), None);
    group.close().unwrap();
    let world = World::new();
    world.put("x.parquet", file.into_inner().unwrap()).await;
    let told = "The file x.parquet in data cannot be read as Parquet: \
                the type INTERVAL of the column \"length\" is unknown";
    assert_eq!(world.fault(&parquet("x.parquet")).await, told);
}

/// A row with a number in so many groups, with that of the row itself.
fn nested(groups: usize) -> Vec<u8> {
    let inner = "optional group g { ".repeat(groups - 1);
    let schema = format!("message m {{ {inner} optional int64 n; {}", "} ".repeat(groups));
    let mut file = writer(&schema, Compression::SNAPPY);
    let mut group = file.next_row_group().unwrap();
    column::<Int64Type>(&mut group, &[], Some(&[0]), None);
    group.close().unwrap();
    file.into_inner().unwrap()
}

/// A file with a footer that no writer makes.
fn file_of(footer: &[u8]) -> Vec<u8> {
    let length = u32::try_from(footer.len()).unwrap().to_le_bytes();
    [b"PAR1", footer, &length, b"PAR1"].concat()
}

fn varint(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A footer with a schema, in the compact protocol of Thrift: version, list of elements, no rows.
fn footer_of(elements: &[Vec<u8>]) -> Vec<u8> {
    let length = varint(u32::try_from(elements.len()).unwrap());
    let start = [&[0x15, 0x02, 0x19, 0xfc], &length[..]].concat();
    [start, elements.concat(), vec![0x16, 0x00, 0x19, 0x0c, 0x00]].concat()
}

/// A group that is required, with a name and a number of members.
fn group_of(name: &str, members: u32) -> Vec<u8> {
    let length = varint(u32::try_from(name.len()).unwrap());
    let members = varint(members << 1);
    [&[0x35, 0x00, 0x18], &length[..], name.as_bytes(), &[0x15], &members, &[0x00]].concat()
}

/// A column of numbers.
fn column_of(name: u8) -> Vec<u8> {
    vec![0x15, 0x02, 0x25, 0x00, 0x18, 0x01, name, 0x00]
}

#[tokio::test]
async fn columns_are_nested_as_deep_as_can_be_followed() {
    let world = World::new();
    world.put("x.parquet", nested(64)).await;
    assert_eq!(world.inputs(&parquet("x.parquet")).await, [r#"{"g":null}"#]);
    let mut deep = vec![group_of("g", 1); 200_000];
    deep.push(column_of(b'n'));
    for body in [nested(65), file_of(&footer_of(&deep))] {
        world.put("x.parquet", body).await;
        let told = "The file x.parquet in data cannot be read as Parquet: \
                    its columns are nested deeper than 64 levels";
        assert_eq!(world.fault(&parquet("x.parquet")).await, told);
    }
}

#[tokio::test]
async fn a_footer_that_leads_the_decoder_astray_is_refused() {
    let world = World::new();
    let sound = footer_of(&[group_of("m", 1), column_of(b'n')]);
    world.put("x.parquet", file_of(&sound)).await;
    assert_eq!(world.inputs(&parquet("x.parquet")).await, [""; 0]);
    let mut long_names = vec![group_of(&"m".repeat(1 << 20), 70)];
    long_names.extend(vec![column_of(b'n'); 70]);
    let mut mistyped = column_of(b'n');
    mistyped[4] = 0x15;
    let deep = [vec![0xfc], vec![0x1c; 100_000]].concat();
    let flags = [vec![0xf9, 0xf1], varint(i32::MAX as u32)].concat();
    for (footer, cause) in [
        (
            footer_of(&[group_of("m", i32::MAX as u32), column_of(b'n')]),
            "a group of its schema has more members than there are",
        ),
        (footer_of(&long_names), "the names of its columns have more than 67108864 bytes"),
        (
            footer_of(&[group_of("m", 1), mistyped]),
            "its schema is damaged: field 4 has another type than Parquet defines",
        ),
        (
            [deep.clone(), sound.clone()].concat(),
            "its schema is damaged: an unknown field is nested too deeply",
        ),
        (
            [flags, sound.clone()].concat(),
            "its schema is damaged: a list has more elements than it has room for",
        ),
        ([&sound[..sound.len() - 1], &deep].concat(), "Parquet error: cannot parse past Struct"),
        (vec![0x15, 0x02, 0x00], "its schema is damaged: field 2 is missing"),
        (vec![0x15], "its schema is damaged: it ends too early"),
    ] {
        world.put("x.parquet", file_of(&footer)).await;
        let told = format!("The file x.parquet in data cannot be read as Parquet: {cause}");
        assert_eq!(world.fault(&parquet("x.parquet")).await, told);
    }
}

/// Places in the header of a page, when every number before takes a byte.
const DECOMPRESSED_SIZE: usize = 3;
const VALUES: usize = 8;

/// A file whose first page says another number at a place of its header where there is one of a byte.
fn with_page_header(mut file: Vec<u8>, place: usize, was: u32, number: u32) -> Vec<u8> {
    assert_eq!(u32::from(file[4 + place]), was << 1);
    file.splice(4 + place..=4 + place, varint(number << 1));
    file
}

#[tokio::test]
async fn a_page_that_would_become_too_large_is_refused() {
    let world = World::new();
    let snappy = || numbers(Compression::SNAPPY, &[&[1, 2]]);
    let gzip = numbers(Compression::GZIP(GzipLevel::default()), &[&[1, 2]]);
    for (body, cause) in [
        (
            with_page_header(snappy(), DECOMPRESSED_SIZE, 16, 1 << 30),
            "its pages are decompressed to more than 268435456 bytes",
        ),
        (
            with_page_header(gzip, DECOMPRESSED_SIZE, 16, 8),
            "a page is decompressed to more than its 8 bytes",
        ),
    ] {
        world.put("x.parquet", body).await;
        let told =
            format!("The file x.parquet in data cannot be read as Parquet: row group 0: {cause}");
        assert_eq!(world.fault(&parquet("x.parquet")).await, told);
    }
}

/// A file with a text.
fn texts(properties: WriterPropertiesBuilder) -> Vec<u8> {
    let mut file = writer_with("message m { required byte_array t; }", properties);
    let mut group = file.next_row_group().unwrap();
    column::<ByteArrayType>(&mut group, &["a".into()], None, None);
    group.close().unwrap();
    file.into_inner().unwrap()
}

/// A file with a row of two numbers and one of another, each in a page of its own.
fn lists() -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_write_batch_size(1)
        .set_data_page_row_count_limit(1);
    let mut file = writer_with("message m { repeated int64 n; }", properties);
    let mut group = file.next_row_group().unwrap();
    column::<Int64Type>(&mut group, &[1, 2, 3], Some(&[1, 1, 1]), Some(&[0, 1, 0]));
    group.close().unwrap();
    file.into_inner().unwrap()
}

#[tokio::test]
async fn values_that_would_take_too_much_room_are_refused() {
    let world = World::new();
    let with_values = |file, was, number| with_page_header(file, VALUES, was, number);
    let snappy = numbers(Compression::SNAPPY, &[&[1, 2]]);
    let uncompressed = with_values(numbers(Compression::UNCOMPRESSED, &[&[1, 2]]), 2, 3);
    let texts = texts(WriterProperties::builder().set_compression(Compression::SNAPPY));
    let texts = with_values(texts, 1, 1 << 24);
    let too_many = "a dictionary of 16 bytes has 3 values";
    let too_much = "the values of its dictionaries and lists take more than 268435456 bytes";
    for (body, cause) in [
        (with_values(snappy, 2, 3), too_many),
        (with_page_header(uncompressed, DECOMPRESSED_SIZE, 16, 1 << 20), too_many),
        (with_page_header(texts, DECOMPRESSED_SIZE, 5, 1 << 26), too_much),
        (with_values(lists(), 2, 1 << 25), too_much),
    ] {
        world.put("x.parquet", body).await;
        let told =
            format!("The file x.parquet in data cannot be read as Parquet: row group 0: {cause}");
        assert_eq!(world.fault(&parquet("x.parquet")).await, told);
    }
    world.put("a.parquet", lists()).await;
    assert_eq!(world.inputs(&parquet("a.parquet")).await, [r#"{"n":[1,2]}"#, r#"{"n":[3]}"#]);
}

#[tokio::test]
async fn encodings_that_tell_in_their_data_how_many_values_there_are_are_refused() {
    let world = World::new();
    let versions = [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0];
    let plain = || WriterProperties::builder().set_dictionary_enabled(false);
    for version in versions {
        for encoding in [Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY] {
            let properties = plain().set_writer_version(version).set_encoding(encoding);
            world.put("x.parquet", texts(properties)).await;
            let told = format!(
                "The file x.parquet in data cannot be read as Parquet: row group 0: \
                 the column \"t\" has the encoding {encoding}, which is not read; \
                 write it as PLAIN or with a dictionary"
            );
            assert_eq!(world.fault(&parquet("x.parquet")).await, told);
        }
        for encoding in [Encoding::DELTA_BINARY_PACKED, Encoding::BYTE_STREAM_SPLIT] {
            let properties = plain().set_writer_version(version).set_encoding(encoding);
            let mut file = writer_with("message m { required int64 n; }", properties);
            let mut group = file.next_row_group().unwrap();
            column::<Int64Type>(&mut group, &[1, -2], None, None);
            group.close().unwrap();
            world.put("a.parquet", file.into_inner().unwrap()).await;
            let items = world.inputs(&parquet("a.parquet")).await;
            assert_eq!(items, [r#"{"n":1}"#, r#"{"n":-2}"#], "{encoding}");
        }
    }
}
