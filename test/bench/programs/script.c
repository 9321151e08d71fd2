/*
 * A small language, carried out while it is read: no tree, no code, every loop is read again each time. Many routines
 * call one another, none of them much hotter than the rest.
 */
#include "program.h"

static const char source[] =
    "function fib(n) { if (n < 2) { return n; } return fib(n - 1) + fib(n - 2); }\n"
    "function gcd(a, b) { while (b != 0) { let rest = a % b; a = b; b = rest; } return a; }\n"
    "function primes(most) {\n"
    "  let found = 0; let n = 2;\n"
    "  while (n < most) {\n"
    "    let prime = 1; let by = 2;\n"
    "    while (by * by <= n) { if (n % by == 0) { prime = 0; by = n; } by = by + 1; }\n"
    "    found = found + prime; n = n + 1;\n"
    "  }\n"
    "  return found;\n"
    "}\n"
    "function bits(n) { let count = 0; while (n > 0) { count = count + n % 2; n = n / 2; } return count; }\n"
    "let total = fib(11) + primes(120); let i = 1;\n"
    "while (i < 40) { total = total + gcd(i * 36, 840) * bits(i * 77); i = i + 1; }\n"
    "total;";

enum { END, NUMBER, NAME, LET, WHILE, IF, ELSE, FUNCTION, RETURN, EQUAL, UNEQUAL, MOST, LEAST, OTHER };

struct variable {
    const char *name;
    int length, value;
    const char *body; /* of a function: where its parameters begin */
};

static struct variable variables[400];
static int used, below;

static const char *at, *begin;
static int kind, value, length;
static int returns, result;

static int isLetter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int isDigit(char c)
{
    return c >= '0' && c <= '9';
}

static int is(const char *word)
{
    for (int i = 0; i < length; i++)
        if (word[i] != begin[i]) return 0;
    return word[length] == 0;
}

static int keyword(void)
{
    static const char *const words[] = {"let", "while", "if", "else", "function", "return"};
    for (int i = 0; i < 6; i++)
        if (is(words[i])) return LET + i;
    return NAME;
}

static void next(void)
{
    while (*at == ' ' || *at == '\n') at++;
    begin = at;
    if (*at == 0) {
        kind = END;
    } else if (isDigit(*at)) {
        kind = NUMBER;
        for (value = 0; isDigit(*at); at++) value = value * 10 + *at - '0';
    } else if (isLetter(*at)) {
        while (isLetter(*at) || isDigit(*at)) at++;
        length = (int)(at - begin);
        kind = keyword();
    } else {
        char c = *at++;
        kind = OTHER + c;
        if (*at != '=') return;
        if (c == '=') kind = EQUAL;
        else if (c == '!') kind = UNEQUAL;
        else if (c == '<') kind = MOST;
        else if (c == '>') kind = LEAST;
        else return;
        at++;
    }
}

static int take(int wanted)
{
    if (kind != wanted) return 0;
    next();
    return 1;
}

static void go(const char *where)
{
    at = where;
    next();
}

static struct variable *find(const char *name, int size)
{
    for (int i = used; i-- > 0;) {
        struct variable *each = &variables[i];
        if (i < below && !each->body) continue;
        if (each->length != size) continue;
        int same = 0;
        while (same < size && each->name[same] == name[same]) same++;
        if (same == size) return each;
    }
    return variables;
}

static struct variable *declare(void)
{
    struct variable *made = &variables[used++];
    *made = (struct variable){begin, length, 0, 0};
    next();
    return made;
}

static int expression(int execute);
static void block(int execute);

static int call(struct variable *function, int execute)
{
    int arguments[8], count = 0;
    while (!take(OTHER + ')')) {
        arguments[count++ & 7] = expression(execute);
        take(OTHER + ',');
    }
    if (!execute) return 0;
    const char *back = begin;
    int usedBefore = used, belowBefore = below;
    below = used;
    go(function->body);
    for (int i = 0; !take(OTHER + ')'); i++) {
        declare()->value = arguments[i];
        take(OTHER + ',');
    }
    result = 0;
    block(1);
    returns = 0;
    used = usedBefore;
    below = belowBefore;
    go(back);
    return result;
}

static int primary(int execute)
{
    int number = value;
    if (take(NUMBER)) return number;
    if (take(OTHER + '(')) {
        number = expression(execute);
        take(OTHER + ')');
        return number;
    }
    if (take(OTHER + '-')) return -primary(execute);
    struct variable *variable = execute ? find(begin, length) : variables;
    next();
    return take(OTHER + '(') ? call(variable, execute) : variable->value;
}

static int product(int execute)
{
    for (int left = primary(execute);;) {
        if (take(OTHER + '*')) {
            left *= primary(execute);
        } else if (kind == OTHER + '/' || kind == OTHER + '%') {
            int rest = kind == OTHER + '%';
            next();
            int right = primary(execute);
            if (right == 0) right = 1;
            left = rest ? left % right : left / right;
        } else {
            return left;
        }
    }
}

static int sum(int execute)
{
    for (int left = product(execute);;) {
        if (take(OTHER + '+')) left += product(execute);
        else if (take(OTHER + '-')) left -= product(execute);
        else return left;
    }
}

static int expression(int execute)
{
    int left = sum(execute);
    if (take(OTHER + '<')) return left < sum(execute);
    if (take(OTHER + '>')) return left > sum(execute);
    if (take(MOST)) return left <= sum(execute);
    if (take(LEAST)) return left >= sum(execute);
    if (take(EQUAL)) return left == sum(execute);
    if (take(UNEQUAL)) return left != sum(execute);
    return left;
}

static void statement(int execute)
{
    if (take(LET)) {
        struct variable *made = declare();
        take(OTHER + '=');
        int first = expression(execute);
        if (execute) made->value = first;
        else used--;
        take(OTHER + ';');
    } else if (take(WHILE)) {
        const char *condition = begin;
        for (;;) {
            int usedBefore = used;
            take(OTHER + '(');
            int goesOn = expression(execute) && execute;
            take(OTHER + ')');
            block(goesOn);
            if (!goesOn || returns) break;
            used = usedBefore;
            go(condition);
        }
    } else if (take(IF)) {
        take(OTHER + '(');
        int holds = expression(execute);
        take(OTHER + ')');
        block(execute && holds);
        if (!returns && take(ELSE)) block(execute && !holds);
    } else if (take(FUNCTION)) {
        struct variable *made = declare();
        made->body = begin + 1;
        while (!take(OTHER + ')')) next();
        block(0);
        if (!execute) used--;
    } else if (take(RETURN)) {
        int answer = expression(execute);
        if (execute) {
            result = answer;
            returns = 1;
        }
        take(OTHER + ';');
    } else {
        const char *name = begin, *after = at;
        int size = length;
        if (take(NAME) && take(OTHER + '=')) {
            int assigned = expression(execute);
            if (execute) find(name, size)->value = assigned;
        } else {
            at = after;
            begin = name;
            length = size;
            kind = NAME;
            result = expression(execute);
        }
        take(OTHER + ';');
    }
}

static void block(int execute)
{
    int usedBefore = used;
    take(OTHER + '{');
    while (kind != OTHER + '}' && kind != END) {
        statement(execute);
        if (returns) return;
    }
    used = usedBefore;
    next();
}

uint32_t program(void)
{
    uint32_t total = 0;
    for (int round = 0; round < 100; round++) {
        used = 1;
        below = 0;
        returns = 0;
        go(source);
        while (kind != END) statement(1);
        total = total * 31 + (uint32_t)result;
    }
    return total;
}
