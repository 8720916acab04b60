//! Where an image comes from: its id, its user and when it was uploaded.

use stepyard_asl::Timestamp;

use crate::objects::ObjectInfo;

/// User metadata of an original: the id of the image.
pub const METADATA_IMAGE_ID: &str = "image-id";

/// User metadata of an original: who uploaded it.
pub const METADATA_USER: &str = "user";

/// User metadata of an original: when it was uploaded (RFC 3339).
pub const METADATA_UPLOADED_AT: &str = "uploaded-at";

/// The user when nothing says who it was.
const NO_USER: &str = "anonymous";

/// Origin of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// User metadata `image-id`, else the object's key.
    pub(super) image_id: String,
    /// User metadata `user`, else the part of the key before its first `/`, else (as in the
    /// tutorial's `user123-photo.jpg`) before its first `-`.
    pub(super) user: String,
    /// User metadata `uploaded-at`, else the time at which the object was stored.
    pub(super) uploaded_at: String,
}

impl Origin {
    /// Finds the origin of a stored original.
    pub(super) fn of(info: &ObjectInfo) -> Origin {
        let said = |name| info.user_metadata.get(name).filter(|value| !value.is_empty()).cloned();
        Origin {
            image_id: said(METADATA_IMAGE_ID).unwrap_or_else(|| info.key.clone()),
            user: said(METADATA_USER).unwrap_or_else(|| user_of_key(&info.key).to_owned()),
            uploaded_at: said(METADATA_UPLOADED_AT)
                .unwrap_or_else(|| Timestamp(info.last_modified).to_string()),
        }
    }
}

fn user_of_key(key: &str) -> &str {
    let user = match key.split_once('/') {
        Some((folder, _)) => Some(folder),
        None => key.split_once('-').map(|(user, _)| user),
    };
    user.filter(|user| !user.is_empty()).unwrap_or(NO_USER)
}

#[cfg(test)]
mod tests {
    use super::user_of_key;

    #[test]
    fn the_key_tells_the_user() {
        assert_eq!(user_of_key("user123-photo.jpg"), "user123");
        assert_eq!(user_of_key("user123/my-photo.jpg"), "user123");
        assert_eq!(user_of_key("photo.jpg"), "anonymous");
        assert_eq!(user_of_key("/photo.jpg"), "anonymous");
    }
}
