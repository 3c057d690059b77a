export { ImageLibrary } from './image-library.ts'
export * from './media.ts'
export { type ImageFacts, planThumbnail, type ThumbnailPlan, type ThumbnailWish } from './thumbnail-sizes.ts'
export { type ServedThumbnail, Thumbnails } from './thumbnails.ts'
