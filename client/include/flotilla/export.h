// Marks what the shared library exports; everything else in it is hidden.
//
// The inline namespace is the ABI's version: it changes with the shared library's SOVERSION. It is
// not called v1 because the generated code of the package flotilla.v1 already lives in that one.
#ifndef FLOTILLA_CLIENT_INCLUDE_FLOTILLA_EXPORT_H_
#define FLOTILLA_CLIENT_INCLUDE_FLOTILLA_EXPORT_H_

#if defined(__GNUC__) || defined(__clang__)
#define FLOTILLA_EXPORT [[gnu::visibility("default")]]
#else
#define FLOTILLA_EXPORT
#endif

#endif  // FLOTILLA_CLIENT_INCLUDE_FLOTILLA_EXPORT_H_
