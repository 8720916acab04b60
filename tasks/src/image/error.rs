//! What can be wrong with an image.

/// Why an image was not processed. The text is meant for the person who uploaded it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The bytes are no image, or a broken one.
    #[error("{0}")]
    Invalid(String),
    /// The image is larger than the limits allow.
    #[error("{0}")]
    TooLarge(String),
    /// The bytes are an image of a kind that is not decoded here.
    #[error("{0}")]
    Unsupported(String),
    /// The task does not count any more.
    #[error("the work was cancelled")]
    Cancelled,
}

impl From<image::ImageError> for ImageError {
    fn from(error: image::ImageError) -> ImageError {
        let text = error.to_string();
        match error {
            image::ImageError::Limits(_) => ImageError::TooLarge(text),
            image::ImageError::Unsupported(_) => ImageError::Unsupported(text),
            _ => ImageError::Invalid(text),
        }
    }
}

impl From<jpeg_decoder::Error> for ImageError {
    fn from(error: jpeg_decoder::Error) -> ImageError {
        let text = format!("Format error decoding Jpeg: {error}");
        match error {
            jpeg_decoder::Error::Unsupported(_) => ImageError::Unsupported(text),
            _ => ImageError::Invalid(text),
        }
    }
}
