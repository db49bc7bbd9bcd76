//! Any bytes as a `.npy` file.

use hailo_linux::npy::Array;

/// Reads the bytes; what can be read is the same once written and read again.
///
/// # Panics
/// If it is not.
pub fn run(data: &[u8]) {
    let Ok(array) = Array::from_bytes(data.to_vec()) else { return };
    let elements = array.data().len() / array.kind().size();
    let product = if array.shape().contains(&0) { 0 } else { array.shape().iter().product() };
    assert_eq!(product, elements);
    assert!(data.ends_with(array.data()));
    assert_eq!(Array::from_bytes(array.to_bytes()).as_ref(), Ok(&array));
}
