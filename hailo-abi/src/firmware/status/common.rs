//! Status codes that the vendor's host and device code share.

use crate::firmware::enums::open_enums;

open_enums! {
    /// A status of the code that packs and parses messages and checks firmware images.
    enum CommonStatus(u32) = "HAILO_COMMON_STATUS_t" {
        /// Of all: success.
        SUCCESS = 0, "HAILO_COMMON_STATUS__SUCCESS";
        /// Of all: uninitialized.
        UNINITIALIZED = 1, "HAILO_COMMON_STATUS__UNINITIALIZED";
        /// Of controls: control protocol overrun before parameter.
        CONTROL_PROTOCOL_OVERRUN_BEFORE_PARAMETER = 4096, "HAILO_STATUS__CONTROL_PROTOCOL__OVERRUN_BEFORE_PARAMETER";
        /// Of controls: control protocol null argument passed.
        CONTROL_PROTOCOL_NULL_ARGUMENT_PASSED = 4097, "HAILO_STATUS__CONTROL_PROTOCOL__NULL_ARGUMENT_PASSED";
        /// Of controls: control protocol overrun at parameter.
        CONTROL_PROTOCOL_OVERRUN_AT_PARAMETER = 4098, "HAILO_STATUS__CONTROL_PROTOCOL__OVERRUN_AT_PARAMETER";
        /// Of controls: control protocol unexpected ack value.
        CONTROL_PROTOCOL_UNEXPECTED_ACK_VALUE = 4099, "HAILO_STATUS__CONTROL_PROTOCOL__UNEXPECTED_ACK_VALUE";
        /// Of controls: control protocol invalid version.
        CONTROL_PROTOCOL_INVALID_VERSION = 4100, "HAILO_STATUS__CONTROL_PROTOCOL__INVALID_VERSION";
        /// Of controls: control protocol part of the message not parsed.
        CONTROL_PROTOCOL_PART_OF_THE_MESSAGE_NOT_PARSED = 4101, "HAILO_STATUS__CONTROL_PROTOCOL__PART_OF_THE_MESSAGE_NOT_PARSED";
        /// Of controls: control protocol invalid buffer size.
        CONTROL_PROTOCOL_INVALID_BUFFER_SIZE = 4102, "HAILO_STATUS__CONTROL_PROTOCOL__INVALID_BUFFER_SIZE";
        /// Of controls: control protocol invalid argument.
        CONTROL_PROTOCOL_INVALID_ARGUMENT = 4103, "HAILO_STATUS__CONTROL_PROTOCOL__INVALID_ARGUMENT";
        /// Of firmware images: firmware header utils cert too large.
        FIRMWARE_HEADER_UTILS_CERT_TOO_LARGE = 8192, "HAILO_STATUS__FIRMWARE_HEADER_UTILS__CERT_TOO_LARGE";
        /// Of firmware images: firmware header utils invalid firmware header size.
        FIRMWARE_HEADER_UTILS_INVALID_FIRMWARE_HEADER_SIZE = 8193, "HAILO_STATUS__FIRMWARE_HEADER_UTILS__INVALID_FIRMWARE_HEADER_SIZE";
        /// Of firmware images: firmware header utils incorrect firmware header magic.
        FIRMWARE_HEADER_UTILS_INCORRECT_FIRMWARE_HEADER_MAGIC = 8194, "HAILO_STATUS__FIRMWARE_HEADER_UTILS__INCORRECT_FIRMWARE_HEADER_MAGIC";
        /// Of firmware images: firmware header utils unsupported firmware header version.
        FIRMWARE_HEADER_UTILS_UNSUPPORTED_FIRMWARE_HEADER_VERSION = 8195, "HAILO_STATUS__FIRMWARE_HEADER_UTILS__UNSUPPORTED_FIRMWARE__HEADER_VERSION";
        /// Of firmware images: firmware header utils code size below minimum.
        FIRMWARE_HEADER_UTILS_CODE_SIZE_BELOW_MINIMUM = 8196, "HAILO_STATUS__FIRMWARE_HEADER_UTILS__CODE_SIZE_BELOW_MINIMUM";
        /// Of firmware images: firmware header utils code overruns ram size.
        FIRMWARE_HEADER_UTILS_CODE_OVERRUNS_RAM_SIZE = 8197, "HAILO_STATUS__FIRMWARE_HEADER_UTILS__CODE_OVERRUNS_RAM_SIZE";
        /// Of firmware images: firmware header utils invalid firmware code size.
        FIRMWARE_HEADER_UTILS_INVALID_FIRMWARE_CODE_SIZE = 8198, "HAILO_STATUS__FIRMWARE_HEADER_UTILS__INVALID_FIRMWARE_CODE_SIZE";
        /// Of firmware images: firmware header utils invalid cert header size.
        FIRMWARE_HEADER_UTILS_INVALID_CERT_HEADER_SIZE = 8199, "HAILO_STATUS__FIRMWARE_HEADER_UTILS__INVALID_CERT_HEADER_SIZE";
        /// Of firmware images: firmware header utils invalid cert key size.
        FIRMWARE_HEADER_UTILS_INVALID_CERT_KEY_SIZE = 8200, "HAILO_STATUS__FIRMWARE_HEADER_UTILS__INVALID_CERT_KEY_SIZE";
        /// Of firmware images: firmware header utils invalid cert content size.
        FIRMWARE_HEADER_UTILS_INVALID_CERT_CONTENT_SIZE = 8201, "HAILO_STATUS__FIRMWARE_HEADER_UTILS__INVALID_CERT_CONTENT_SIZE";
        /// Of firmware images: firmware header utils invalid app cpu firmware header.
        FIRMWARE_HEADER_UTILS_INVALID_APP_CPU_FIRMWARE_HEADER = 8202, "HAILO_STATUS__FIRMWARE_HEADER_UTILS__INVALID_APP_CPU_FIRMWARE_HEADER";
        /// Of firmware images: firmware header utils invalid app cpu firmware certificate header.
        FIRMWARE_HEADER_UTILS_INVALID_APP_CPU_FIRMWARE_CERTIFICATE_HEADER = 8203, "HAILO_STATUS__FIRMWARE_HEADER_UTILS__INVALID_APP_CPU_FIRMWARE_CERTIFICATE_HEADER";
        /// Of firmware images: firmware header utils invalid core cpu firmware header.
        FIRMWARE_HEADER_UTILS_INVALID_CORE_CPU_FIRMWARE_HEADER = 8204, "HAILO_STATUS__FIRMWARE_HEADER_UTILS__INVALID_CORE_CPU_FIRMWARE_HEADER";
        /// Of firmware images: firmware header utils invalid core cpu firmware certificate header.
        FIRMWARE_HEADER_UTILS_INVALID_CORE_CPU_FIRMWARE_CERTIFICATE_HEADER = 8205, "HAILO_STATUS__FIRMWARE_HEADER_UTILS__INVALID_CORE_CPU_FIRMWARE_CERTIFICATE_HEADER";
        /// Of firmware images: firmware header utils leftover data after last firmware header.
        FIRMWARE_HEADER_UTILS_LEFTOVER_DATA_AFTER_LAST_FIRMWARE_HEADER = 8206, "HAILO_STATUS__FIRMWARE_HEADER_UTILS__LEFTOVER_DATA_AFTER_LAST_FIRMWARE_HEADER";
        /// Of firmware images: firmware header utils detected prohibited downgrade attempt.
        FIRMWARE_HEADER_UTILS_DETECTED_PROHIBITED_DOWNGRADE_ATTEMPT = 8207, "HAILO_STATUS__FIRMWARE_HEADER_UTILS__DETECTED_PROHIBITED_DOWNGRADE_ATTEMPT";
        /// Of firmware images: firmware header utils invalid binary type.
        FIRMWARE_HEADER_UTILS_INVALID_BINARY_TYPE = 8208, "HAILO_STATUS__FIRMWARE_HEADER_UTILS__INVALID_BINARY_TYPE";
        /// Of firmware images: firmware header utils invalid firmware type.
        FIRMWARE_HEADER_UTILS_INVALID_FIRMWARE_TYPE = 8209, "HAILO_STATUS__FIRMWARE_HEADER_UTILS__INVALID_FIRMWARE_TYPE";
        /// Of notifications: d2h events incorrect parameter count.
        D2H_EVENTS_INCORRECT_PARAMETER_COUNT = 12288, "HAILO_STATUS__D2H_EVENTS__INCORRECT_PARAMETER_COUNT";
        /// Of notifications: d2h events incorrect parameter length.
        D2H_EVENTS_INCORRECT_PARAMETER_LENGTH = 12289, "HAILO_STATUS__D2H_EVENTS__INCORRECT_PARAMETER_LENGTH";
        /// Of notifications: d2h events invalid argument.
        D2H_EVENTS_INVALID_ARGUMENT = 12290, "HAILO_STATUS__D2H_EVENTS__INVALID_ARGUMENT";
        /// firmware status null argument passed.
        FIRMWARE_STATUS_NULL_ARGUMENT_PASSED = 16384, "HAILO_STATUS__FIRMWARE_STATUS__NULL_ARGUMENT_PASSED";
        /// firmware status invalid component id.
        FIRMWARE_STATUS_INVALID_COMPONENT_ID = 16385, "HAILO_STATUS__FIRMWARE_STATUS__INVALID_COMPONENT_ID";
        /// firmware status invalid module id.
        FIRMWARE_STATUS_INVALID_MODULE_ID = 16386, "HAILO_STATUS__FIRMWARE_STATUS__INVALID_MODULE_ID";
        /// firmware status invalid status value.
        FIRMWARE_STATUS_INVALID_STATUS_VALUE = 16387, "HAILO_STATUS__FIRMWARE_STATUS__INVALID_STATUS_VALUE";
    }
}
