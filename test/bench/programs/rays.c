/* Five spheres that mirror one another, in double precision. */
#include "program.h"

struct vector {
    double x, y, z;
};

static const struct vector spheres[] = {{0, 0, 5}, {1, 1, 6}, {-1, .5, 4}, {.5, -1, 5}, {-.5, -.7, 3}};
static const struct vector light = {.5, .5, -.7};

static struct vector sum(struct vector a, struct vector b)
{
    return (struct vector){a.x + b.x, a.y + b.y, a.z + b.z};
}

static struct vector scaled(struct vector a, double by)
{
    return (struct vector){a.x * by, a.y * by, a.z * by};
}

static double product(struct vector a, struct vector b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static double root(double square)
{
    double guess = square > 1 ? square : 1;
    for (int i = 0; i < 6; i++) guess = .5 * (guess + square / guess);
    return guess;
}

static double nearest(struct vector from, struct vector along, int *which)
{
    double best = 1e9;
    for (int i = 0; i < 5; i++) {
        struct vector away = sum(from, scaled(spheres[i], -1));
        double half = product(away, along), rest = half * half - product(away, away) + .4;
        if (rest <= 0) continue;
        double distance = -half - root(rest);
        if (distance > 1e-4 && distance < best) {
            best = distance;
            *which = i;
        }
    }
    return best;
}

static double seen(struct vector from, struct vector along, int mirrors)
{
    int which = 0;
    double distance = nearest(from, along, &which);
    if (distance > 1e8) return .1;
    struct vector at = sum(from, scaled(along, distance));
    struct vector normal = sum(at, scaled(spheres[which], -1));
    normal = scaled(normal, 1 / root(product(normal, normal)));
    double bright = product(normal, light);
    if (bright < 0) bright = 0;
    if (mirrors == 0) return bright;
    return bright + .4 * seen(at, sum(along, scaled(normal, -2 * product(along, normal))), mirrors - 1);
}

uint32_t program(void)
{
    uint32_t result = 0;
    for (int round = 0; round < 25; round++) {
        for (int y = 0; y < 60; y++) {
            for (int x = 0; x < 80; x++) {
                struct vector along = {(x - 40) / 40., (y - 30) / 40., 1};
                along = scaled(along, 1 / root(product(along, along)));
                /* What the x87 has in registers may differ in the last bits from what SSE has. */
                result = result * 31 + (uint32_t)(int)(seen((struct vector){0, 0, 0}, along, 3) * 16);
            }
        }
    }
    return result;
}
