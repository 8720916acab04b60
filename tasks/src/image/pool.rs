//! Bounds how much image work goes on at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{ImageError, ImageLimits};

/// Pixels that one permit of the pixel semaphore stands for.
const PIXELS_PER_PERMIT: u64 = 16_384;

/// Images that are in memory at once, per processor: while one is computed, the next is read.
const IMAGES_PER_PROCESSOR: usize = 2;

/// Bounds three things: images in memory, pixels being worked on and busy threads. Waiting is in
/// order of arrival. An image of the largest size allowed takes all pixels for itself.
#[derive(Clone, Debug)]
pub struct ImagePool {
    images: Arc<Semaphore>,
    pixels: Arc<Semaphore>,
    threads: Arc<Semaphore>,
    pixel_permits: u32,
}

/// The right to have one image in memory.
#[derive(Debug)]
pub struct ImagePermit {
    _permit: OwnedSemaphorePermit,
}

/// The right to work on so many pixels.
#[derive(Debug)]
pub struct PixelPermit {
    _permit: OwnedSemaphorePermit,
}

impl ImagePool {
    /// A pool for `processors` threads and as many pixels as one image may have.
    pub fn new(processors: usize, limits: &ImageLimits) -> ImagePool {
        let processors = processors.max(1);
        let permits = limits.pixels.div_ceil(PIXELS_PER_PERMIT).max(1);
        // A semaphore holds at most usize::MAX / 8 permits, one call takes at most u32::MAX.
        let permits = u32::try_from(permits).unwrap_or(u32::MAX / 8).min(u32::MAX / 8);
        ImagePool {
            images: Arc::new(Semaphore::new(processors * IMAGES_PER_PROCESSOR)),
            pixels: Arc::new(Semaphore::new(permits as usize)),
            threads: Arc::new(Semaphore::new(processors)),
            pixel_permits: permits,
        }
    }

    /// Waits until one more image may be read into memory.
    pub async fn admit(&self) -> Result<ImagePermit, ImageError> {
        Ok(ImagePermit { _permit: acquire(&self.images, 1).await? })
    }

    /// Waits until so many more pixels may be worked on. Hand the permit to the work, which may
    /// outlive the future that waits for it.
    pub async fn reserve(&self, pixels: u64) -> Result<PixelPermit, ImageError> {
        let permits = pixels.div_ceil(PIXELS_PER_PERMIT).max(1);
        let permits = u32::try_from(permits).unwrap_or(u32::MAX).min(self.pixel_permits);
        Ok(PixelPermit { _permit: acquire(&self.pixels, permits).await? })
    }

    /// Runs work on a thread, when one is free. A panic of a decoder becomes an error of its image.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ImageError> + Send + 'static,
    ) -> Result<T, ImageError> {
        let thread = acquire(&self.threads, 1).await?;
        let work = move || {
            let _thread = thread;
            work()
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result,
            Err(error) if error.is_panic() => {
                tracing::error!(%error, "the work on an image panicked");
                Err(ImageError::Invalid("the decoder failed on this image".into()))
            }
            Err(_) => Err(ImageError::Cancelled),
        }
    }
}

async fn acquire(
    semaphore: &Arc<Semaphore>,
    permits: u32,
) -> Result<OwnedSemaphorePermit, ImageError> {
    // Nobody closes these semaphores.
    Arc::clone(semaphore).acquire_many_owned(permits).await.map_err(|_| ImageError::Cancelled)
}
