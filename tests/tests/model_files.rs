//! Reading model files: containers of all versions, the real ones, damaged ones, and the numbers of the format.

use hailo_linux::hef::{Architecture, Checksum, Error, Hef, LibraryStatus};
use hailo_linux::transform::{Direction, FormatOrder, Shape};
use hailo_tests::models::artificial;
use hailo_tests::models::files::{Builder, Section};
use hailo_tests::models::{self, recording};

/// A made-up model, opened up so that it can be packed again otherwise.
fn first() -> Builder {
    Builder::of_version_1(&artificial::all()[0].hef)
}

#[test]
fn all_versions_of_the_container_are_read() {
    let builder = first();
    let reference = Hef::from_bytes(builder.version_1()).expect("version 1");
    let kinds = [
        (builder.version_0(), "MD5"),
        (builder.version_1(), "CRC-32"),
        (builder.version_2(), "XXH3-64"),
        (builder.version_3(), "XXH3-64"),
    ];
    for (version, (bytes, kind)) in kinds.into_iter().enumerate() {
        let hef = Hef::from_bytes(bytes).unwrap_or_else(|error| panic!("version {version}: {error}"));
        assert_eq!(hef.container().version as usize, version);
        assert_eq!(hef.container().checksum.kind(), kind);
        // The same words, wherever they stand in the file.
        assert_eq!(hef.groups(), reference.groups(), "version {version}");
    }
}

#[test]
fn damage_and_truncation_are_told_with_numbers() {
    let builder = first();
    for (version, bytes) in
        [builder.version_0(), builder.version_1(), builder.version_2(), builder.version_3()].into_iter().enumerate()
    {
        let length = bytes.len() as u64;
        for cut in [0, 3, 11, 12, 31, 60, bytes.len() - 1] {
            let error = Hef::from_bytes(bytes[..cut].to_vec()).expect_err("a truncated file");
            let Error::Truncated { stated, actual } = error else {
                panic!("version {version}, {cut} bytes: {error}");
            };
            assert_eq!(actual, cut as u64);
            assert!(stated > actual && stated <= length, "version {version}, {cut} bytes: {stated}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(matches!(
            Hef::from_bytes(longer),
            Err(Error::TooLong { stated, actual }) if stated == length && actual == length + 1
        ));
        for place in [builder.header(version), bytes.len() / 2, bytes.len() - 1] {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            let error = Hef::from_bytes(damaged).expect_err("a damaged file");
            let Error::Damaged { stated, computed, .. } = &error else { panic!("version {version}: {error}") };
            assert_ne!(stated, computed);
            assert!(error.to_string().contains(stated.as_str()) && error.to_string().contains(computed.as_str()));
            assert_eq!(error.library_status(), Some(LibraryStatus::HefFileCorrupted));
        }
        let mut other = bytes.clone();
        other[7] = 4;
        assert!(matches!(Hef::from_bytes(other), Err(Error::UnknownVersion { version: 4 })));
        let mut other = bytes;
        other[0] = 0x7f;
        assert!(matches!(Hef::from_bytes(other), Err(Error::NotAModel { found: 0x7f48_4546 })));
    }
}

#[test]
fn words_outside_the_file_are_refused() {
    let builder = first().with_words(Section::Truncated);
    let Err(Error::Refused(refusal)) = Hef::from_bytes(builder.version_1()) else {
        panic!("words beyond the end of the file");
    };
    assert_eq!(refusal.status, LibraryStatus::InvalidHef);
    assert!(refusal.to_string().contains("bytes of configuration words at offset"), "{refusal}");
}

#[test]
fn either_form_of_words_is_refused_in_the_other_version() {
    let builder = first();
    for bytes in [builder.pointers_in_version_0(), builder.inline_in_version_1()] {
        let Err(Error::Refused(refusal)) = Hef::from_bytes(bytes) else { panic!("not refused") };
        assert_eq!(refusal.status, LibraryStatus::InvalidHef, "{refusal}");
    }
}

#[test]
fn unknown_actions_are_refused_by_number() {
    // Field 19 of an action, which no release of the format has, with an empty message.
    let Err(Error::Refused(refusal)) =
        Hef::from_bytes(first().with_action(&[19 << 3 & 0x7f | 0x82, 0x01, 0]).version_1())
    else {
        panic!("not refused");
    };
    assert!(refusal.what.contains("unknown kind (protobuf field 19)"), "{refusal}");
    assert!(refusal.place.contains("preliminary context, operation"), "{refusal}");
    // Field 18, which firmware of the Hailo-8 does not know.
    let Err(Error::Refused(refusal)) = Hef::from_bytes(first().with_action(&[0x92, 0x01, 0]).version_1()) else {
        panic!("not refused");
    };
    assert!(refusal.what.contains("`disable data channels`"), "{refusal}");
}

#[test]
fn unknown_extensions_are_refused_by_name() {
    let Err(Error::Refused(refusal)) = Hef::from_bytes(first().with_extension(33, "CSM_CRC").version_1()) else {
        panic!("not refused");
    };
    assert_eq!(refusal.status, LibraryStatus::HefNotSupported);
    assert!(refusal.what.contains("33 (`CSM_CRC`)"), "{refusal}");
}

#[test]
fn real_models_are_described() {
    let mut read = 0;
    for (file, hash, description) in [
        ("arcface-v1.hef", "9375bca7", "model-arcface-v1.json"),
        ("arcface-v2.hef", "44c3a745ff411b65", "model-arcface-v2.json"),
    ] {
        let Some(path) = models::real(file) else {
            println!("skipped: {file} is not on this machine (HAILO_HEF_DIR)");
            continue;
        };
        let hef = Hef::open(&path).expect("a model");
        // The vendor prints the number as it lies in a little-endian machine's memory.
        let checksum = match hef.container().checksum {
            Checksum::Crc32(sum) => models::hex(&sum.to_le_bytes()),
            Checksum::Xxh3(sum) => models::hex(&sum.to_le_bytes()),
            Checksum::Md5(sum) => models::hex(&sum),
        };
        assert_eq!(checksum, hash);
        assert_eq!(hef.architecture(), Architecture::HAILO8P);
        let from_memory = Hef::from_bytes(std::fs::read(&path).expect("a file")).expect("a model");
        assert_eq!(from_memory.groups(), hef.groups());

        let vendors = recording::model(description);
        assert_eq!(hef.groups().len(), vendors["network_groups"].as_array().expect("groups").len());
        let group = &hef.groups()[0];
        let vendors = &vendors["network_groups"][0];
        assert_eq!(vendors["name"], group.name.as_str());
        let core_op = group.core_op(None).expect("a network");
        let streams: Vec<_> = core_op.boundary(Direction::Input).chain(core_op.boundary(Direction::Output)).collect();
        let vendors = vendors["streams"].as_array().expect("streams");
        assert_eq!(streams.len(), vendors.len());
        for vendor in vendors {
            let stream = streams
                .iter()
                .find(|stream| vendor["name"] == stream.tensor.name.as_str())
                .unwrap_or_else(|| panic!("no stream {}", vendor["name"]));
            let tensor = &stream.tensor;
            let shape = |shape: Shape| [shape.height, shape.width, shape.features];
            assert_eq!(vendor["shape_hwc"], serde_json::json!(shape(tensor.shape)));
            assert_eq!(vendor["hw_shape_hwc"], serde_json::json!(shape(tensor.hw_shape)));
            assert_eq!(vendor["hw_frame_size"], stream.transfer_size);
            assert_eq!(vendor["hw_data_bytes"], tensor.kind.size());
            assert_eq!(vendor["index"], stream.stream_index);
            assert_eq!(vendor["format"]["order"], tensor.order.name());
            let [quantization] = tensor.quantization.as_slice() else { panic!("{:?}", tensor.quantization) };
            for (name, value) in [
                ("zp", quantization.zero_point),
                ("scale", quantization.scale),
                ("min", quantization.min),
                ("max", quantization.max),
            ] {
                let vendors = vendor["quant"][name].as_f64().expect("a number") as f32;
                assert!((vendors - value).abs() <= vendors.abs() * 1e-6, "{name}: {value} and {vendors}");
            }
        }
        read += 1;
    }
    println!("{read} real models described");
}

#[test]
fn a_model_for_another_device_is_read_and_says_so() {
    let Some(path) = models::real("arcface-v3-hailo15h.hef") else {
        println!("skipped: arcface-v3-hailo15h.hef is not on this machine (HAILO_HEF_DIR)");
        return;
    };
    let hef = Hef::open(path).expect("a model");
    assert_eq!(hef.container().version, 3);
    assert!(matches!(hef.container().checksum, Checksum::Xxh3(_)));
    let description = hef.describe();
    assert!(description.not_supported.iter().any(|sentence| sentence.contains("Hailo-15H")), "{description}");
    let input = hef.groups()[0].core_op(None).expect("a network").boundary(Direction::Input).next().expect("an input");
    assert_eq!(input.tensor.order, FormatOrder::Nhcw);
    let refusal = hailo_linux::network::Outline::new(
        &hef,
        &hef.groups()[0],
        &hailo_linux::network::Options::default(),
        &models::hailo8(4096),
    )
    .expect_err("another device");
    assert_eq!(refusal.status, LibraryStatus::HefNotCompatibleWithDevice);
    assert!(refusal.what.contains("Hailo-15H (architecture 103"), "{refusal}");
}
