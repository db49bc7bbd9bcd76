//! `.npy` files against those that NumPy 2.4.6 wrote (`tests/golden/npy`), and against any bytes.

use hailo_linux::npy::{Array, Error, FormatError};
use hailo_linux::transform::ElementType;
use hailo_tests::{fuzzing, golden};
use proptest::prelude::*;

fn read(name: &str) -> Result<Array, Error> {
    Array::read(golden::path(&format!("npy/{name}.npy")))
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(golden::path(&format!("npy/{name}.npy"))).expect("a golden file")
}

/// A file of version 1 with this header and data.
fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(header.len()).expect("a short header").to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
}

#[test]
fn files_of_numpy_are_read() {
    let f32s = |numbers: &[f32]| numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>();
    let u16s = |numbers: &[u16]| numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>();
    let expected = [
        ("u8-4d", ElementType::U8, vec![1, 2, 3, 4], (0..24).collect()),
        ("u16-3d", ElementType::U16, vec![3, 2, 2], u16s(&std::array::from_fn::<_, 12, _>(|i| i as u16 * 5461))),
        ("f32-2d", ElementType::F32, vec![2, 3], f32s(&[0.5, -1.25, 3e38, f32::INFINITY, 1e-40, -0.0])),
        ("f32-1d", ElementType::F32, vec![5], f32s(&[1.0, 2.0, 3.0, 4.0, 5.0])),
        ("u16-scalar", ElementType::U16, vec![], u16s(&[513])),
        ("u8-empty", ElementType::U8, vec![3, 0, 5], vec![]),
        ("u8-version-2", ElementType::U8, vec![2, 3], (0..6).collect()),
        ("f32-version-3", ElementType::F32, vec![2, 3], f32s(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0])),
        ("u8-fortran-column", ElementType::U8, vec![4, 1], (0..4).collect()),
    ];
    for (name, kind, shape, data) in expected {
        let array = read(name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((array.kind(), array.shape(), array.data()), (kind, &shape[..], &data[..]), "{name}");
        assert_eq!(array, Array::new(kind, shape, data).unwrap(), "{name}");
        // Where NumPy writes version 1, it writes the same bytes.
        if !name.contains("version") && !name.contains("fortran") {
            assert_eq!(array.to_bytes(), bytes(name), "{name}");
        }
    }
}

#[test]
fn what_cannot_be_used_is_refused_in_a_sentence() {
    let refused = |name: &str, words: &[&str]| {
        let error = read(name).expect_err(name).to_string();
        assert!(error.contains(name), "the file is named: {error}");
        for word in words {
            assert!(error.contains(word), "{word} in: {error}");
        }
    };
    refused("refused-fortran", &["Fortran order", "numpy.ascontiguousarray"]);
    refused("refused-big-endian", &["'>f4'", "astype"]);
    refused("refused-f64", &["'<f8'", "astype"]);
    refused("refused-i8", &["'|i1'", "'|u1'"]);
    refused("refused-structure", &["'structure'"]);
    refused("no-such-file", &["cannot read", "No such file"]);
    let error = Array::new(ElementType::U8, vec![2], vec![1, 2]).unwrap().write("/nonexistent/a.npy").unwrap_err();
    assert!(error.to_string().starts_with("cannot write /nonexistent/a.npy: "), "{error}");
}

#[test]
fn lengths_are_checked() {
    let whole = bytes("f32-2d");
    assert_eq!(whole.len(), 152);
    for length in 0..whole.len() {
        let error = Array::from_bytes(whole[..length].to_vec()).unwrap_err();
        match length {
            0..6 => assert_eq!(error, FormatError::Magic),
            6..10 => assert_eq!(error, FormatError::Truncated { needed: 10, actual: length }),
            10..128 => assert_eq!(error, FormatError::Truncated { needed: 128, actual: length }),
            _ => {
                let (kind, shape) = (ElementType::F32, vec![2, 3]);
                assert_eq!(error, FormatError::Length { kind, shape, expected: 24, actual: length - 128 });
            }
        }
    }
    let error = Array::from_bytes([&whole[..], &[0]].concat()).unwrap_err().to_string();
    assert_eq!(error, "an array of FLOAT32 and shape (2, 3) has 24 bytes of data, but there are 25");
    let error = Array::new(ElementType::U16, vec![7], vec![0; 13]).unwrap_err().to_string();
    assert_eq!(error, "an array of UINT16 and shape (7,) has 14 bytes of data, but there are 13");
    let huge = vec![usize::MAX, 2];
    assert_eq!(Array::new(ElementType::U8, huge.clone(), vec![]), Err(FormatError::TooLarge(huge)));
    assert_eq!(Array::new(ElementType::U8, vec![1; 65], vec![0]), Err(FormatError::Dimensions(65)));
    let most = Array::new(ElementType::U8, vec![1; 64], vec![9]).unwrap();
    assert_eq!(Array::from_bytes(most.to_bytes()), Ok(most));
}

#[test]
fn headers_are_read_as_python_reads_them() {
    let parse = |header: &str| Array::from_bytes(file(header, &[1, 2, 3, 4]));
    let same = Array::new(ElementType::U16, vec![2, 1], vec![1, 2, 3, 4]).unwrap();
    for header in [
        "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 1), }  \n",
        "{\"shape\":(2,1),\"descr\":\"<u2\",\"fortran_order\":False}",
        " { 'fortran_order' : True , 'shape' : ( 2L , 1L , ) , 'descr' : '<u2' } ",
    ] {
        assert_eq!(parse(header), Ok(same.clone()), "{header}");
    }
    let refused = |header: &str, at: usize, why: &str| match parse(header) {
        Err(FormatError::Header { at: actual, why: reason }) => {
            assert!(actual == at && reason.contains(why), "{header}: byte {actual}: {reason}");
        }
        other => panic!("{header}: {other:?}"),
    };
    refused("", 0, "'{' is missing");
    refused("{'descr': '<u2', 'fortran_order': False}", 40, "is missing");
    refused("{'descr': '<u2', 'fortran_order': False, 'shape': (4), }", 52, "no shape");
    refused("{'descr': '<u2', 'fortran_order': 0, 'shape': (2,), }", 34, "True or False");
    refused("{'descr': '<u2', 'fortran_order': False, 'shape': (-2,), }", 51, "number");
    refused("{'descr': '<u2', 'fortran_order': False, 'shape': (99999999999999999999,), }", 51, "number");
    refused("{'descr': '<u2', 'descr': '<u2', }", 17, "twice");
    refused("{'descr': '<u2', 'order': 3, }", 17, "'order' is not known");
    refused("{'descr': '<u2', 'fortran_order': False, 'shape': (2,), } x", 58, "more after");
    refused("{'descr", 7, "''' is missing");
    refused(&format!("{{'shape': ({}), }}", "1,".repeat(65)), 139, "64 dimensions");
    assert_eq!(
        Array::from_bytes(b"\x93NUMPY\x04\x00\0\0\0\0".to_vec()),
        Err(FormatError::Version { major: 4, minor: 0 })
    );
}

#[test]
fn the_committed_corpus_passes() {
    for (_, bytes) in fuzzing::corpus("npy") {
        fuzzing::npy::run(&bytes);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        kind in prop::sample::select(vec![ElementType::U8, ElementType::U16, ElementType::F32]),
        shape in prop::collection::vec(0..7_usize, 0..5),
        seed in any::<u8>(),
    ) {
        let length = shape.iter().product::<usize>() * kind.size();
        let data: Vec<u8> = (0..length).map(|i| (i as u8).wrapping_mul(31).wrapping_add(seed)).collect();
        let array = Array::new(kind, shape, data).unwrap();
        let written = array.to_bytes();
        prop_assert_eq!((written.len() - array.data().len()) % 64, 0);
        prop_assert_eq!(Array::from_bytes(written), Ok(array));
    }

    #[test]
    fn damaged_files_are_refused_or_read(
        name in prop::sample::select(vec!["u8-4d", "f32-2d", "u8-version-2"]),
        at in 0..152_usize,
        value in any::<u8>(),
    ) {
        let mut damaged = bytes(name);
        let at = at % damaged.len();
        damaged[at] = value;
        fuzzing::npy::run(&damaged);
    }

    #[test]
    fn any_header_is_refused_or_read(header in "[{}()',:<|u124fLTrueFalse a-z0-9\\[\"\n]{0,60}", data in any::<[u8; 4]>()) {
        fuzzing::npy::run(&file(&header, &data));
    }
}
