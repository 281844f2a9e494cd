"""The step functions: a line for each rule.

`instep.reference` shows them, and `instep.functional` a compiled one for each, of the same name and
types.
"""

from instep.reference.adabelief import adabelief_step as adabelief_step
from instep.reference.adadelta import adadelta_step as adadelta_step
from instep.reference.adafactor import adafactor_step as adafactor_step
from instep.reference.adagrad import adagrad_step as adagrad_step
from instep.reference.adam import adam_step as adam_step
from instep.reference.adamax import adamax_step as adamax_step
from instep.reference.adan import adan_step as adan_step
from instep.reference.ademamix import ademamix_step as ademamix_step
from instep.reference.asgd import asgd_step as asgd_step
from instep.reference.ftrl import ftrl_step as ftrl_step
from instep.reference.lamb import lamb_step as lamb_step
from instep.reference.lars import lars_step as lars_step
from instep.reference.lion import lion_step as lion_step
from instep.reference.nadam import nadam_step as nadam_step
from instep.reference.radam import radam_step as radam_step
from instep.reference.rmsprop import rmsprop_step as rmsprop_step
from instep.reference.rowwise_adagrad import rowwise_adagrad_step as rowwise_adagrad_step
from instep.reference.rprop import rprop_step as rprop_step
from instep.reference.schedule_free_adamw import (
    schedule_free_adamw_step as schedule_free_adamw_step,
)
from instep.reference.schedule_free_sgd import schedule_free_sgd_step as schedule_free_sgd_step
from instep.reference.sgd import sgd_step as sgd_step
