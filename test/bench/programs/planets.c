/* Five bodies that attract one another, in steps: numbers of double precision, roots and quotients. */
#include "program.h"

#define BODIES 5
#define STEPS 60000
#define STEP 0.001

struct body {
    double x, y, z, vx, vy, vz, mass;
};

/* A sun, and what goes round it: distances in radii of the Earth's way, masses of which the sun has 4 pi^2. */
static struct body bodies[BODIES] = {
    {0, 0, 0, 0, 0, 0, 39.478},
    {4.84, -1.16, -0.10, 0.61, 2.81, -0.02, 0.0377},
    {8.34, 4.12, -0.40, -1.01, 1.82, 0.01, 0.0113},
    {12.89, -15.11, -0.22, 1.08, 0.87, -0.01, 0.0017},
    {15.38, -25.92, 0.18, 0.98, 0.59, -0.03, 0.0020},
};

static double root(double x)
{
    double result;
#ifdef __SSE2__
    __asm__("sqrtsd %1, %0" : "=x"(result) : "x"(x));
#else
    __asm__("fsqrt" : "=t"(result) : "0"(x));
#endif
    return result;
}

static void attract(struct body *a, struct body *b)
{
    double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
    double square = dx * dx + dy * dy + dz * dz;
    double pull = STEP / (square * root(square));
    a->vx -= dx * b->mass * pull;
    a->vy -= dy * b->mass * pull;
    a->vz -= dz * b->mass * pull;
    b->vx += dx * a->mass * pull;
    b->vy += dy * a->mass * pull;
    b->vz += dz * a->mass * pull;
}

uint32_t program(void)
{
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < BODIES; i++)
            for (int j = i + 1; j < BODIES; j++) attract(&bodies[i], &bodies[j]);
        for (int i = 0; i < BODIES; i++) {
            struct body *each = &bodies[i];
            each->x += STEP * each->vx;
            each->y += STEP * each->vy;
            each->z += STEP * each->vz;
        }
    }
    uint32_t sum = 0;
    for (int i = 0; i < BODIES; i++) sum = sum * 31 + (uint32_t)(int)(bodies[i].x * 1e4);
    return sum;
}
