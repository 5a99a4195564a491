# SPDX-License-Identifier: Apache-2.0
# Writes the package's _interface.py: the structs, enums, error codes and functions of millrace.h for ctypes, so that the
# header stays their only description. A declaration that this program cannot read is an error of the build.
# Usage: make_interface.py HEADER... SOVERSION >_interface.py
import re
import sys

SCALARS = {
    "int": "c_int",
    "int32_t": "c_int32",
    "uint32_t": "c_uint32",
    "uint64_t": "c_uint64",
    "size_t": "c_size_t",
    "float": "c_float",
    "double": "c_double",
}
CONSTANTS = {"UINT32_MAX": 2**32 - 1}


class Header:
    """What the headers declare, in their order."""

    def __init__(self, text: str):
        self.plain = re.sub(r"//[^\n]*", "", text.replace("\\\n", " "))
        code = re.sub(r"^\s*#.*$", "", self.plain, flags=re.M)
        self.structs = re.findall(r"struct (\w+) \{(.*?)\};", code, re.S)
        self.enums = [(name, body) for name, body in re.findall(r"enum (\w*) ?\{([^}]*)\};", code) if "MR_ERROR_MAP" not in body]
        self.functions = re.findall(r"MR_API ([^;{]*?)\b(mr_\w+)\(([^;]*)\);", code)
        self.known = {name for name, _ in self.structs}

    def type_of(self, text: str) -> str:
        """The ctypes type of a C type: "const char *" is c_char_p."""
        words = re.sub(r"\bconst\b", " ", text).replace("*", " * ").split()
        stars = words.count("*")
        base = " ".join(word for word in words if word != "*")
        if base == "char" and stars:
            name, stars = "c_char_p", stars - 1
        elif base == "void":
            name, stars = ("c_void_p", stars - 1) if stars else ("None", 0)
        elif base.startswith("struct ") and base.split()[1] not in self.known:
            name, stars = "c_void_p", stars - 1  # a handle
        elif base.startswith("struct "):
            name = base.split()[1]
        elif base.startswith("enum "):
            name = "c_int"
        elif base in SCALARS:
            name = SCALARS[base]
        else:
            sys.exit(f"make_interface.py: the type '{text.strip()}' is not known here")
        if stars < 0:
            sys.exit(f"make_interface.py: the type '{text.strip()}' has no size that is known here")
        return "POINTER(" * stars + name + ")" * stars

    def arguments(self, text: str) -> list[str]:
        if text.strip() == "void":
            return []
        found = []
        for argument in text.split(","):
            match = re.fullmatch(r"\s*(.*?[\s*])(\w+)\s*", argument, re.S)
            if not match:
                sys.exit(f"make_interface.py: the argument '{argument.strip()}' cannot be read")
            found.append(self.type_of(match[1]))
        return found

    def fields(self, body: str) -> list[tuple[str, str]]:
        found = []
        for line in (" ".join(part.split()) for part in body.split(";")):
            call = re.fullmatch(r"(.*?)\(\*(\w+)\)\((.*)\)", line)
            array = re.fullmatch(r"(.*?)(\w+)\[(\d+)\]", line)
            several = re.fullmatch(r"(.*?[\s*])(\w+(?:, \w+)*)", line)
            if call:
                types = ", ".join([self.type_of(call[1]), *self.arguments(call[3])])
                found.append((call[2], f"CFUNCTYPE({types})"))
            elif array:
                base = "c_char" if array[1].strip() == "char" else self.type_of(array[1])
                found.append((array[2], f"{base} * {array[3]}"))
            elif several:
                found += [(name, self.type_of(several[1])) for name in several[2].split(", ")]
            elif line:
                sys.exit(f"make_interface.py: the member '{line}' cannot be read")
        return found

    def constants(self) -> list[tuple[str, int]]:
        found = []
        for _, body in self.enums:
            value = 0
            for item in body.split(","):
                name, _, given = (part.strip() for part in item.partition("="))
                if name:
                    value = int(given, 0) if given else value
                    found.append((name, value))
                    value += 1
        found += [(n, CONSTANTS[v]) for n, v in re.findall(r"#define (MR_\w+) +(\w+)$", self.plain, re.M) if v in CONSTANTS]
        return found


def main() -> None:
    *paths, soversion = sys.argv[1:]
    text = ""
    for path in paths:
        with open(path, encoding="utf-8") as file:
            text += file.read()
    header = Header(text)
    print("# Made from", ", ".join(path.rsplit("/", 1)[-1] for path in paths), "by make_interface.py; `make` writes it again.")
    print("from ctypes import CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_double, c_float, c_int, c_size_t")
    print("from ctypes import c_int32, c_uint32, c_uint64, c_void_p")
    print(f'\nVERSION = "{re.search(r"MR_VERSION +.(.*).$", text, re.M)[1]}"')
    print(f'SOVERSION = "{soversion}"')
    for name, value in header.constants():
        print(f"{name} = {value}")
    print("\n# Name and meaning of each code.\nERRORS = {")
    for name, value, meaning in re.findall(r'X\((MR_ERROR_\w+), (-\d+), ("[^"]*")\)', text):
        print(f'    {value}: ("{name}", {meaning}),')
    print("}")
    for name, body in header.structs:
        print(f"\n\nclass {name}(Structure):\n    _fields_ = [")
        for field, kind in header.fields(body):
            print(f'        ("{field}", {kind}),')
        print("    ]")
    print("\n\n# What each function gives and takes.\nFUNCTIONS = {")
    for result, name, arguments in header.functions:
        print(f'    "{name}": ({header.type_of(result)}, [{", ".join(header.arguments(arguments))}]),')
    print("}")


main()
