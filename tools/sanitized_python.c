/* The interpreter, linked with a sanitizer's runtime: ThreadSanitizer cannot be preloaded. */
#include <Python.h>

int main(int argc, char** argv) { return Py_BytesMain(argc, argv); }
