/* Made by `npm run images` from ../src/tape/structures.ts; included behind the structures. */
enum op { CALL = 0, FORMAT = 1, BRANCH = 2, EXEC = 3, WAIT = 4, END_AS_CHILD = 5, END = 6, STORE = 7, SHOW = 8 };
enum failure { REPORT = 0, IGNORE = 1, GOTO = 2 };
enum condition { EQUAL = 0, NOT_EQUAL = 1, LESS = 2 };
enum piece { LAST = 0, TEXT = 1, RESULT = 2, EXIT_STATUS = 3, SIGNAL = 4 };
enum waiting { MIRROR_STOPS = 1, FORWARD = 2 };
enum executing { APPEND = 1, SEARCH = 2 };

#define SEARCH_GOES_ON(result) ((result) == -EACCES || (result) == -ENOENT || (result) == -ESTALE || (result) == -ENOTDIR || (result) == -ENODEV || (result) == -ETIMEDOUT)

#define SAME(here, there) _Static_assert((here) == (there), "../src/tape/structures.ts says otherwise")
SAME(__builtin_offsetof(struct entry, op), 0);
SAME(__builtin_offsetof(struct entry, refs), 2);
SAME(__builtin_offsetof(struct entry, failure), 4);
SAME(__builtin_offsetof(struct entry, moves), 5);
SAME(__builtin_offsetof(struct entry, only), 6);
SAME(__builtin_offsetof(struct entry, number), 8);
SAME(__builtin_offsetof(struct entry, target), 12);
SAME(__builtin_offsetof(struct entry, operand), 16);
SAME(__builtin_offsetof(struct entry, result), 64);
SAME(__builtin_offsetof(struct entry, message), 72);
SAME(__builtin_offsetof(struct entry, text), 80);
SAME(__builtin_offsetof(struct entry, explain), 88);
SAME(__builtin_offsetof(struct entry, status), 96);
SAME(__builtin_offsetof(struct entry, status_missing), 98);
SAME(__builtin_offsetof(struct entry, undo), 100);
SAME(sizeof(struct entry), 104);
SAME(__builtin_offsetof(struct tape, entries), 0);
SAME(__builtin_offsetof(struct tape, errors), 8);
SAME(__builtin_offsetof(struct tape, trace), 16);
SAME(__builtin_offsetof(struct tape, explainer), 24);
SAME(__builtin_offsetof(struct tape, status), 32);
SAME(__builtin_offsetof(struct tape, error), 40);
SAME(__builtin_offsetof(struct tape, subject), 48);
SAME(__builtin_offsetof(struct tape, environment), 56);
SAME(sizeof(struct tape), 64);
SAME(__builtin_offsetof(struct piece_entry, kind), 0);
SAME(__builtin_offsetof(struct piece_entry, value), 8);
SAME(sizeof(struct piece_entry), 16);
