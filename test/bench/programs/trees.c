/* Binary trees, made and taken down: pointers, and routines that call themselves and are copied into themselves. */
#include "program.h"

#define DEEPEST 14

struct tree {
    struct tree *left, *right;
};

static struct tree pool[1 << (DEEPEST + 2)], *given_back;
static int taken;

static struct tree *take(void)
{
    struct tree *tree = given_back;
    if (tree == NULL) return &pool[taken++];
    given_back = tree->left;
    return tree;
}

static struct tree *made(int depth)
{
    struct tree *tree = take();
    tree->left = depth > 0 ? made(depth - 1) : NULL;
    tree->right = depth > 0 ? made(depth - 1) : NULL;
    return tree;
}

static uint32_t count(const struct tree *tree)
{
    return tree->left == NULL ? 1 : 1 + count(tree->left) + count(tree->right);
}

static void give_back(struct tree *tree)
{
    if (tree->left != NULL) {
        give_back(tree->left);
        give_back(tree->right);
    }
    tree->left = given_back;
    given_back = tree;
}

uint32_t program(void)
{
    uint32_t sum = 0;
    struct tree *lasting = made(DEEPEST);
    for (int depth = 4; depth <= DEEPEST; depth += 2) {
        for (int n = 1 << (DEEPEST - depth + 4); n > 0; n--) {
            struct tree *tree = made(depth);
            sum = sum * 31 + count(tree);
            give_back(tree);
        }
    }
    return sum + count(lasting);
}
