/* reference.h: the scalar building blocks of n1 that the plain C files share. */
#ifndef CLOISTER_REFERENCE_H
#define CLOISTER_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

float kn_lanes_sum(const float lane[16]);                     /* the reduction tree (n1 §1) */
float kn_lanes_dot(const float *a, const float *b, size_t n); /* over 16 lanes (n1 §1) */
float kn_reference_exp(float x);                              /* n1 §6 */
float kn_reference_silu_mul(float gate, float up);
uint16_t kn_bf16_round(float x);
float kn_bf16_value(uint16_t x);

#endif
